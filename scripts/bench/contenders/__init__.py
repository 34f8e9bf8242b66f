"""The contenders, a module each: `run(name, plan, channel)` trains on the plan's samples, a round at each turn."""
