"""The rules that everybody has from the start, written as a user writes them. A rules file changes them by name."""

from typing import Final

DEFAULT_RULES: Final = """
[[rule]]
name = "ea_drawdown"
subject = "expert"
threshold = 10
when = "drawdown_pct > threshold"
clear = "drawdown_pct < 0.8 * threshold"
level = "warning"
value = "drawdown_pct"
message = "EA {ea_id} drawdown exceeds {threshold:g}% ({drawdown_pct:.1f}%)"
clear_message = "EA {ea_id} drawdown is back to {drawdown_pct:.1f}%"

[[rule]]
name = "expert_silent"
subject = "expert"
when = 'link in ("stale", "lost") and why != "market_closed" and status != "history"'
clear = 'link == "fresh" or why == "market_closed"'
level = "warning"
message = "EA {ea_id} ({symbol}) has been silent since {last_report_utc}: {why}"
clear_message = "EA {ea_id} ({symbol}) is missed no more: its link is {link}"

[[rule]]
name = "portfolio_drawdown"
subject = "portfolio"
threshold = 20
when = "drawdown_pct > threshold"
clear = "drawdown_pct < 0.8 * threshold"
level = "critical"
value = "drawdown_pct"
message = "portfolio ({currency}) drawdown exceeds {threshold:g}% ({drawdown_pct:.1f}%)"
clear_message = "portfolio ({currency}) drawdown is back to {drawdown_pct:.1f}%"

[[rule]]
name = "daily_loss"
subject = "account"
threshold = 3
when = "daily_result_pct < -threshold"
clear = "daily_result_pct is None or daily_result_pct > -0.8 * threshold"
level = "warning"
value = "daily_result_pct"
message = "account {account} has lost more than {threshold:g}% today ({daily_result_pct:.1f}%: {daily_result:+,.2f} {currency})"
clear_message = "account {account} is clear of its daily loss again"

[[rule]]
name = "margin_level"
subject = "account"
threshold = 150
when = "margin_level < threshold or margin_level < 1.5 * margin_so_call"
clear = "margin_level is None or margin_level > max(1.2 * threshold, 1.8 * (0 if margin_so_call is None else margin_so_call))"
level = "warning"
value = "margin_level"
message = "account {account} margin level is down to {margin_level:.0f}%"
clear_message = "account {account} has margin enough again"

[[rule]]
name = "margin_call"
subject = "account"
when = "margin_so_call > 0 and margin_level <= margin_so_call"
clear = "margin_level is None or margin_level > 1.2 * margin_so_call"
level = "critical"
value = "margin_level"
message = "account {account} is at its margin call: margin level {margin_level:.0f}%, call at {margin_so_call:g}%"
clear_message = "account {account} has left its margin call"

[[rule]]
name = "daily_loss_near"
subject = "account"
threshold = 80
when = "daily_loss_used_pct >= threshold"
clear = "daily_loss_used_pct is None or daily_loss_used_pct < 0.9 * threshold"
level = "warning"
value = "daily_loss_used_pct"
message = "account {account} has used {daily_loss_used_pct:.0f}% of its daily loss: {daily_loss_headroom:,.2f} {currency} left of {daily_loss_max:,.2f}"
clear_message = "account {account} is clear of its daily loss limit again"

[[rule]]
name = "daily_loss_broken"
subject = "account"
threshold = 100
when = "daily_loss_used_pct >= threshold"
clear = "daily_loss_used_pct is None or daily_loss_used_pct < 0.8 * threshold"
level = "critical"
value = "daily_loss_used_pct"
message = "account {account} has broken its daily loss limit of {daily_loss_max:,.2f} {currency}: equity {equity:,.2f}, floor {daily_loss_floor:,.2f}"
clear_message = "account {account} is clear of its daily loss limit again"

[[rule]]
name = "max_loss_near"
subject = "account"
threshold = 80
when = "max_loss_used_pct >= threshold"
clear = "max_loss_used_pct is None or max_loss_used_pct < 0.9 * threshold"
level = "warning"
value = "max_loss_used_pct"
message = "account {account} has used {max_loss_used_pct:.0f}% of its maximum loss: {max_loss_headroom:,.2f} {currency} left of {max_loss_max:,.2f}"
clear_message = "account {account} is clear of its maximum loss again"

[[rule]]
name = "max_loss_broken"
subject = "account"
threshold = 100
when = "max_loss_used_pct >= threshold"
clear = "max_loss_used_pct is None or max_loss_used_pct < 0.8 * threshold"
level = "critical"
value = "max_loss_used_pct"
message = "account {account} has broken its maximum loss of {max_loss_max:,.2f} {currency}: equity {equity:,.2f}, floor {max_loss_floor:,.2f}"
clear_message = "account {account} is clear of its maximum loss again"

[[rule]]
name = "clock_off"
subject = "account"
threshold = 60
when = "abs(clock_skew_s) > threshold"
clear = "clock_skew_s is None or abs(clock_skew_s) < 0.5 * threshold"
for_s = 30
level = "warning"
value = "clock_skew_s"
message = "the clock of the terminal on account {account} is {clock_skew_s:+.0f} s off: set it by time servers"
clear_message = "the clock of the terminal on account {account} is right again"

[[rule]]
name = "terminal_silent"
subject = "terminal"
when = 'link in ("stale", "lost") and why != "market_closed"'
clear = 'link == "fresh" or why == "market_closed"'
level = "critical"
message = "terminal {terminal} of account {account} is silent ({link}): {why}"
clear_message = "terminal {terminal} of account {account} is missed no more: its link is {link}"

[[rule]]
name = "algo_trading_off"
subject = "terminal"
when = "not trade_allowed"
clear = "trade_allowed"
for_s = 5
level = "warning"
message = "algorithmic trading is switched off in terminal {terminal} of account {account}: its experts can't trade"
clear_message = "algorithmic trading is on again in terminal {terminal} of account {account}"

[[rule]]
name = "broker_connection_lost"
subject = "terminal"
when = "not connected"
clear = "connected"
for_s = 15
level = "critical"
message = "terminal {terminal} of account {account} has lost its connection to the broker"
clear_message = "terminal {terminal} of account {account} is connected to the broker again"

[[rule]]
name = "command_failed"
subject = "command"
when = 'status in ("failed", "rejected", "expired", "unknown")'
clear_after_s = 86400
level = "warning"
message = "command {command_id} ({command}) to EA {ea_id} is {status}: {reason}"

[[rule]]
name = "news_blackout"
subject = "news"
when = 'status == "blackout_opened"'
clear = 'status == "blackout_closed"'
level = "info"
message = "no trading of {symbols} until {blackout_until_utc}: {name} ({currency})"
clear_message = "trading goes on: {name} ({currency}) is over"
notify = false

[[rule]]
name = "store_failing"
subject = "server"
when = "store_failing is not None"
clear_for_s = 10
level = "critical"
message = "nothing can be kept at the moment: {store_failing} ({store_pending} of {store_pending_max} records wait)"
clear_message = "everything is kept again"

[[rule]]
name = "ea_id_claimed_twice"
subject = "event"
level = "warning"
clear_after_s = 86400

[[rule]]
name = "source_failed"
subject = "event"
level = "critical"
clear_after_s = 86400

[[rule]]
name = "report_refused"
subject = "event"
level = "warning"
clear_after_s = 3600

[[rule]]
name = "keys_lost"
subject = "event"
level = "critical"
clear_after_s = 3600

[[rule]]
name = "too_many_alerts"
subject = "event"
level = "critical"
"""
