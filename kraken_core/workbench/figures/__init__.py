"""Figures: pure functions from data to plotly figures, for the dashboard and for notebooks."""

# Plotly takes the pandas that another thread is just importing for a whole one, and fails: it is whole from here on.
import pandas as pd  # noqa: F401
