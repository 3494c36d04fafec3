"""Figures: pure functions from data to plotly, without streamlit."""
