"""Liveness, readiness and metrics: what an operator or an orchestrator asks of the service."""
