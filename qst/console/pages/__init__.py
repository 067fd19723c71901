"""The screens of the console: start, run, finish, and the participant's window."""
