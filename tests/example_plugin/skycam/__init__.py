"""An example of plug-ins for tomgql."""
