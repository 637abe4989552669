"""APIs of other databases on this engine: names, defaults and errors; the engine does all searching."""
