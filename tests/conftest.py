"""What all tests share: how hypothesis searches."""

from hypothesis import HealthCheck, settings

# No deadline: a busy machine is no defect. Nothing is kept between runs: a found case becomes an `@example`.
settings.register_profile("fleetwire", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("fleetwire")
