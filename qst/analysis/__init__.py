"""From visit logs to scores, summaries and one tidy table."""
