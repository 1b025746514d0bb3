"""The event log and its delivery; knows kinds, ids and times, never what a datum is."""
