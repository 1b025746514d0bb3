"""What is asked of another tomgql server, in GraphQL."""

from __future__ import annotations

HELLO = "{ server { instanceId tomName version latestCursor } }"

_PAGE = "pageInfo { hasNextPage endCursor }"

TARGETS = (
    "query ($where: TargetWhere, $first: Int, $after: String) { targets(where: $where, first: $first, after: $after) {"
    f" nodes {{ id globalId record }} {_PAGE} }} }}"
)

TARGET_IDS = (
    "query ($where: TargetWhere, $first: Int, $after: String) { targets(where: $where, first: $first, after: $after) {"
    f" nodes {{ globalId }} {_PAGE} }} }}"
)

PRODUCTS = (
    "query ($target: ID!, $notVia: [String!], $first: Int, $after: String) {"
    " dataProducts(where: {target: $target, notVia: $notVia}, first: $first, after: $after) {"
    f" nodes {{ id record }} {_PAGE} }} }}"
)

DATA = (
    "query ($target: ID!, $notVia: [String!], $first: Int, $after: String) {"
    " reducedData(where: {target: $target, notVia: $notVia, disabled: null}, first: $first, after: $after) {"
    f" nodes {{ record }} {_PAGE} }} }}"
)

GONE = "query ($ids: [String!]!) { deletedAmong(globalIds: $ids) }"

_CHANGES = (
    "subscription ($where: TargetWhere, $notVia: [String!], $after: Cursor) {"
    " changes(where: $where, notVia: $notVia, after: $after) { cursor kind change byOrigin"
)

CHANGES = f"{_CHANGES} target {{ id globalId record }} dataProduct {{ id globalId record }} data {{ record }} }} }}"

BRIEF_CHANGES = f"{_CHANGES} target {{ globalId }} dataProduct {{ globalId }} }} }}"
"""What is asked where an event with all that it tells of is too large."""
