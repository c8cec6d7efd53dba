"""The record: plans with their history, people, stations and access, in PostgreSQL + PostGIS."""
