"""ChartData: what is stored, added up to what a screen can show. Values only; drawing them is the dashboard's."""
