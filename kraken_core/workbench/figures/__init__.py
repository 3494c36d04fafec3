"""Figures: pure functions from data to plotly figures, for the dashboard and for notebooks."""
