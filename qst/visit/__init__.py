"""Running a visit: the trial state machine, the engine that works through a plan, and the operator's side."""
