"""What should happen: scenarios as values, and the director that turns events into actions.

Pure: no loop, no socket, no clock of its own, no dice of its own. `model` is the place to begin reading.

    values quantities patterns replies   what stands after a key
    octets blanks catalogue              what is bytes, known only when a rule fires, or said by real servers
    points facts                         what is known, and where
    match counting waits                 when, how often
    action actions manners faults        what
    script                               a scenario as a fixed conversation
    model checks                         the whole, and whether it makes sense
    load document params                 where it comes from,
    mistakes diagnosis                   and what is wrong with it
    library json_schema                  the shipped files, and the form of all files
    director                             the scenario at work
    expectation verdict                  what a correct client does, and whether this one did
"""

from mailtrap_py.scenario.director import Decision, Director, RuleState
from mailtrap_py.scenario.load import from_data, load, loads, make_rule, schema
from mailtrap_py.scenario.model import (
    Accept,
    Action,
    Before,
    Chance,
    Close,
    CloseHow,
    Count,
    Delay,
    Dice,
    Discard,
    Drip,
    DripSpec,
    Duplicate,
    Ehlo,
    EhloSpec,
    Hold,
    LimitSpec,
    LineEnd,
    Listener,
    ListenerHow,
    Lognormal,
    Note,
    Pass,
    Raw,
    Read,
    ReadRate,
    Rule,
    Scenario,
    ScenarioClass,
    Scope,
    SendReply,
    SetState,
    Split,
    SplitSpec,
    Stall,
    StallSpec,
    StateSpec,
    Tls,
    TlsFault,
    Truncate,
    TruncateSpec,
    Uniform,
    When,
)
from mailtrap_py.scenario.points import names_of

__all__ = [
    "Accept",
    "Action",
    "Before",
    "Chance",
    "Close",
    "CloseHow",
    "Count",
    "Decision",
    "Delay",
    "Dice",
    "Director",
    "Discard",
    "Drip",
    "DripSpec",
    "Duplicate",
    "Ehlo",
    "EhloSpec",
    "Hold",
    "LimitSpec",
    "LineEnd",
    "Listener",
    "ListenerHow",
    "Lognormal",
    "Note",
    "Pass",
    "Raw",
    "Read",
    "ReadRate",
    "Rule",
    "RuleState",
    "Scenario",
    "ScenarioClass",
    "Scope",
    "SendReply",
    "SetState",
    "Split",
    "SplitSpec",
    "Stall",
    "StallSpec",
    "StateSpec",
    "Tls",
    "TlsFault",
    "Truncate",
    "TruncateSpec",
    "Uniform",
    "When",
    "from_data",
    "load",
    "loads",
    "make_rule",
    "names_of",
    "schema",
]
