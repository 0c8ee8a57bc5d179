"""The services of the application. All they do for being followed is to call `emit_…_event`."""
