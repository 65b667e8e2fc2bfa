"""Joins the river: source -> fleet -> channels -> hub, and what is kept of it."""

from fleetwire.integration.fleetwire import Fleetwire
from fleetwire.integration.service import IntegrationService, IntegrationSettings

__all__ = ["Fleetwire", "IntegrationService", "IntegrationSettings"]
