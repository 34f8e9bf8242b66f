"""The operator's command line: rehearsal, datasets, parameters, reports. No other package imports it."""
