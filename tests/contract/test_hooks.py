"""The semi-private names of strawberry and graphql-core that the compiler hooks into are what we take them for."""

from __future__ import annotations

import inspect
from importlib.metadata import version

import graphql
from graphql import GraphQLSchema, execute, parse
from graphql.execution import Executor
from graphql.execution.values import get_argument_values
from strawberry.asgi import GraphQL
from strawberry.extensions import MaskErrors
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from tomgql.graphql.executor import CompilingExecutor
from tomgql.graphql.schema import build_schema
from tomgql.settings import Settings


def parameters(function: object) -> list[str]:
    return list(inspect.signature(function).parameters)  # type: ignore[arg-type]


class TestVersions:
    def test_what_is_hooked_into_is_the_pinned_version(self) -> None:
        assert version("strawberry-graphql").startswith("0.341.")
        assert version("graphql-core").startswith("3.3.")


class TestExecutor:
    def test_strawberry_runs_graphql_cores_executor(self) -> None:
        assert issubclass(StrawberryGraphQLCoreExecutionContext, Executor)
        assert issubclass(CompilingExecutor, StrawberryGraphQLCoreExecutionContext)
        assert build_schema(Settings()).execution_context_class is CompilingExecutor

    def test_complete_value_takes_what_we_override(self) -> None:
        names = ["self", "return_type", "field_details_list", "info", "path", "result", "position_context"]
        assert parameters(Executor.complete_value) == names
        assert parameters(CompilingExecutor.complete_value) == names

    def test_subfields_are_collected_by_type_and_details(self) -> None:
        assert parameters(Executor.collect_subfields)[:3] == ["self", "return_type", "field_details_list"]

    def test_is_awaitable_can_be_asked(self) -> None:
        assert callable(Executor.is_awaitable)

    def test_arguments_are_coerced_from_field_node_and_variables(self) -> None:
        names = ["type_def", "node", "variable_values", "fragment_variable_values"]
        assert parameters(get_argument_values)[:4] == names


class TestSeenWhileRunning:
    """What the executor holds while it completes a value."""

    def test_collected_fields_and_their_details(self) -> None:
        seen = []

        class Watching(Executor):
            def complete_value(self, *given):  # type: ignore[no-untyped-def]
                return_type, details = given[0], given[1]
                if str(return_type) == "Inner":
                    collected = self.collect_subfields(return_type, details)
                    fields = collected.grouped_field_set
                    first = fields["a"][0]
                    seen.append((list(fields), collected.new_defer_usages, first.node.name.value))
                    seen.append((first.fragment_variable_values, self.variable_values is not None, self.schema))
                return super().complete_value(*given)

        schema = graphql.build_schema("type Query { inner: Inner } type Inner { x: Int y: Int }")
        document = parse(
            "query ($no: Boolean!) { inner { a: x ...F y @skip(if: $no) } } fragment F on Inner { b: y a: x }"
        )
        result = execute(
            schema, document, {"inner": {"x": 1, "y": 2}}, variable_values={"no": True}, executor_class=Watching
        )
        assert not result.errors  # type: ignore[union-attr]
        assert seen[0] == (["a", "b"], [], "x")
        assert seen[1] == (None, True, schema)


class TestView:
    def test_hooks_of_the_view_exist(self) -> None:
        for name in ("get_context", "encode_json", "get_sub_response", "create_response", "parse_http_body"):
            assert callable(getattr(GraphQL, name)), name
        assert "data" in parameters(GraphQL.encode_json)
        assert parameters(GraphQL.create_response)[1:] == ["response_data", "sub_response"]
        assert callable(GraphQL.execute_operation)
        assert callable(GraphQL.on_ws_connect)

    def test_errors_are_shaped_where_mask_errors_does(self) -> None:
        assert parameters(MaskErrors._process_errors) == ["self", "errors"]

    def test_the_core_schema_lies_below_strawberrys(self) -> None:
        assert isinstance(build_schema(Settings())._schema, GraphQLSchema)
