//! `open-port`, `close-port` and `opened-ports`.

use std::collections::{BTreeMap, BTreeSet};

use lazuli_runner::frames::{PortRange, Write};

use super::{Call, Done, Flag, Format, Stop, Takes, Tool, ToolContext};
use crate::format::Doc;

static ENDPOINT_FLAGS: [Flag; 2] = [
    Flag {
        names: &["endpoints"],
        takes: Takes::Value,
        help: "A comma-delimited list of application endpoints to target with this operation",
    },
    Flag {
        names: &["format"],
        takes: Takes::Value,
        help: "(deprecated) Has no effect",
    },
];

/// Opens a range of ports when the hook succeeds.
pub(super) static OPEN_PORT: Tool = Tool {
    name: "open-port",
    args: "<port>[/<protocol>] or <from>-<to>[/<protocol>] or icmp",
    purpose: "Register a request to open a port or port range.",
    flags: &ENDPOINT_FLAGS,
    format: None,
    run: open,
};

/// Closes a range of ports when the hook succeeds.
pub(super) static CLOSE_PORT: Tool = Tool {
    name: "close-port",
    args: "<port>[/<protocol>] or <from>-<to>[/<protocol>] or icmp",
    purpose: "Register a request to close a port or port range.",
    flags: &ENDPOINT_FLAGS,
    format: None,
    run: close,
};

/// Prints what the unit has open.
pub(super) static OPENED_PORTS: Tool = Tool {
    name: "opened-ports",
    args: "",
    purpose: "List all ports or port ranges opened by the unit.",
    flags: &[Flag {
        names: &["endpoints"],
        takes: Takes::Nothing,
        help: "Display the list of target application endpoints for each port range",
    }],
    format: Some(Format::Smart),
    run: opened,
};

fn open(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    let (range, endpoints) = arguments(ctx, call)?;
    conflict(ctx, &range)?;
    Ok(writes(endpoints, &range, |endpoint, range| {
        Write::OpenPort { endpoint, range }
    }))
}

fn close(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    let (range, endpoints) = arguments(ctx, call)?;
    Ok(writes(endpoints, &range, |endpoint, range| {
        Write::ClosePort { endpoint, range }
    }))
}

fn writes(
    endpoints: Vec<String>,
    range: &PortRange,
    write: impl Fn(String, PortRange) -> Write,
) -> Done {
    Done {
        writes: endpoints
            .into_iter()
            .map(|endpoint| write(endpoint, range.clone()))
            .collect(),
        ..Done::default()
    }
}

fn arguments(ctx: &ToolContext<'_>, call: &Call) -> Result<(PortRange, Vec<String>), Stop> {
    let Some(text) = call.parsed.positional(0) else {
        return Err(Stop::Usage("no port or range specified".to_owned()));
    };
    let range = parse(text).map_err(Stop::Usage)?;
    call.no_more_than(1)?;
    let named: BTreeSet<&str> = call
        .parsed
        .value("endpoints")
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty() && *name != "*")
        .collect();
    let known = &ctx.base.network.names;
    if let Some(unknown) = named
        .iter()
        .find(|name| !known.iter().any(|known| known == *name))
    {
        return Err(Stop::Failed(format!("endpoint {unknown:?} not found")));
    }
    let endpoints = if named.is_empty() {
        vec![String::new()]
    } else {
        named.into_iter().map(str::to_owned).collect()
    };
    Ok((range, endpoints))
}

fn parse(text: &str) -> Result<PortRange, String> {
    let text = text.to_ascii_lowercase();
    if text == "icmp" {
        return Ok(PortRange {
            protocol: text,
            from: 0,
            to: 0,
        });
    }
    let (ports, protocol) = text.split_once('/').unwrap_or((&text, "tcp"));
    if !matches!(protocol, "tcp" | "udp") {
        return Err(format!(
            "invalid protocol {protocol:?}, expected \"tcp\", \"udp\", or \"icmp\""
        ));
    }
    let (from, to) = ports.split_once('-').unwrap_or((ports, ports));
    let number = |text: &str| {
        text.parse::<i64>().map_err(|_| {
            format!("invalid port {text:?}; expected <port>[/<protocol>], <from>-<to>[/<protocol>] or icmp")
        })
    };
    let (from, to) = (number(from)?, number(to)?);
    let bounds = u16::try_from(from).ok().zip(u16::try_from(to).ok());
    let Some((first, last)) = bounds.filter(|_| from <= to) else {
        return Err(if from > to {
            format!("invalid port range {from}-{to}/{protocol}; expected fromPort <= toPort")
        } else {
            format!("port range bounds must be between 0 and 65535, got {from}-{to}")
        });
    };
    Ok(PortRange {
        protocol: protocol.to_owned(),
        from: first,
        to: last,
    })
}

/// Refuses at once what the machine cannot have: a range that overlaps with a
/// different one of the same unit, or with any of another unit.
fn conflict(ctx: &ToolContext<'_>, range: &PortRange) -> Result<(), Stop> {
    let mut own: BTreeSet<&PortRange> = ctx.base.ports.iter().collect();
    for (open, _, changed) in ctx.session.ports() {
        if *open {
            own.insert(changed);
        } else {
            own.remove(changed);
        }
    }
    let own = own
        .into_iter()
        .filter(|other| *other != range)
        .map(|other| (ctx.unit, other));
    let foreign = ctx
        .base
        .foreign_ports
        .iter()
        .map(|(unit, other)| (unit.as_str(), other));
    let clash = own.chain(foreign).find(|(_, other)| overlaps(range, other));
    match clash {
        Some((unit, other)) => Err(Stop::Failed(format!(
            "cannot open {range} (unit {:?}): port range conflicts with {other} (unit {unit:?})",
            ctx.unit
        ))),
        None => Ok(()),
    }
}

fn overlaps(a: &PortRange, b: &PortRange) -> bool {
    a.protocol == b.protocol && a.protocol != "icmp" && a.from <= b.to && b.from <= a.to
}

fn opened(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    call.no_more_than(0)?;
    // By protocol and number, each with where it is open; pending changes do
    // not show (reference juju, 3.0).
    let mut open: BTreeMap<&PortRange, BTreeSet<&str>> = ctx
        .base
        .ports
        .iter()
        .map(|range| (range, BTreeSet::new()))
        .collect();
    for (endpoint, ranges) in &ctx.base.endpoint_ports {
        for range in ranges {
            let endpoints = open.entry(range).or_default();
            if !endpoint.is_empty() {
                endpoints.insert(endpoint);
            }
        }
    }
    let shown = open.into_iter().map(|(range, endpoints)| {
        if !call.parsed.is_set("endpoints") {
            return range.to_string();
        }
        let everywhere = ctx
            .base
            .endpoint_ports
            .get("")
            .is_some_and(|all| all.contains(range));
        if endpoints.is_empty() || everywhere {
            return format!("{range} (*)");
        }
        let names: Vec<&str> = endpoints.into_iter().collect();
        format!("{range} ({})", names.join(", "))
    });
    Ok(Done::print(Doc::texts(shown)))
}

#[cfg(test)]
mod tests {
    use lazuli_runner::frames::{PortRange, Write};

    use super::parse;
    use crate::tools::testing::Fixture;

    fn range(text: &str) -> PortRange {
        parse(text).unwrap()
    }

    fn opening(endpoint: &str, text: &str) -> Write {
        Write::OpenPort {
            endpoint: endpoint.to_owned(),
            range: range(text),
        }
    }

    fn fixture() -> Fixture {
        let mut fixture = Fixture::new("a/0");
        fixture.context.network.names = vec!["web".to_owned(), "db".to_owned()];
        fixture
    }

    #[test]
    fn ranges_are_read() {
        for (text, shown) in [
            ("80", "80/tcp"),
            ("80/tcp", "80/tcp"),
            ("53/UDP", "53/udp"),
            ("80-90", "80-90/tcp"),
            ("8000-8080/Tcp", "8000-8080/tcp"),
            ("ICMP", "icmp"),
            ("0", "0/tcp"),
        ] {
            assert_eq!(range(text).to_string(), shown);
        }
        let mut fixture = fixture();
        assert_eq!(fixture.writes(&["open-port", "80"]), [opening("", "80")]);
        assert_eq!(
            fixture.writes(&["open-port", "--endpoints", "web,db", "81/tcp"]),
            [opening("db", "81"), opening("web", "81")]
        );
        assert_eq!(
            fixture.writes(&["close-port", "80", "--format=json"]),
            [Write::ClosePort {
                endpoint: String::new(),
                range: range("80")
            }]
        );
    }

    #[test]
    fn wrong_ranges() {
        let fixture = fixture();
        for (args, code, text) in [
            ("", 2, "no port or range specified"),
            (
                "80/sctp",
                2,
                "invalid protocol \"sctp\", expected \"tcp\", \"udp\", or \"icmp\"",
            ),
            (
                "80-70000",
                2,
                "port range bounds must be between 0 and 65535, got 80-70000",
            ),
            (
                "90-80",
                2,
                "invalid port range 90-80/tcp; expected fromPort <= toPort",
            ),
            (
                "x",
                2,
                "invalid port \"x\"; expected <port>[/<protocol>], <from>-<to>[/<protocol>] or icmp",
            ),
            ("80 81", 2, "unrecognized args: [\"81\"]"),
            ("80 --endpoints nope", 1, "endpoint \"nope\" not found"),
        ] {
            fixture.fails(&format!("open-port {args}"), code, text);
            fixture.fails(&format!("close-port {args}"), code, text);
        }
    }

    #[test]
    fn conflicts_are_said_at_once() {
        let mut fixture = fixture();
        fixture.context.ports = vec![range("100-110")];
        fixture.context.foreign_ports = vec![("b/0".to_owned(), range("80"))];
        for (text, shown, unit) in [
            ("80-90", "80/tcp", "b/0"),
            ("80", "80/tcp", "b/0"),
            ("105", "100-110/tcp", "a/0"),
        ] {
            let asked = range(text);
            fixture.fails(
                &format!("open-port {text}"),
                1,
                &format!(
                    "cannot open {asked} (unit \"a/0\"): port range conflicts with {shown} (unit \
                     {unit:?})"
                ),
            );
        }
        fixture.writes(&["open-port", "100-110"]);
        fixture.writes(&["open-port", "80/udp"]);
        fixture.writes(&["close-port", "100-110"]);
        fixture.writes(&["open-port", "105"]);
    }

    #[test]
    fn only_what_is_committed_is_listed() {
        let mut fixture = fixture();
        fixture.prints("opened-ports", "");
        fixture.prints("opened-ports --format json", "[]\n");
        fixture.context.ports = vec![range("80"), range("90-99/udp"), range("icmp")];
        fixture.context.endpoint_ports = [("web".to_owned(), vec![range("80")])].into();
        fixture.writes(&["open-port", "70"]);
        fixture.prints("opened-ports", "icmp\n80/tcp\n90-99/udp\n");
        fixture.prints(
            "opened-ports --format=json",
            "[\"icmp\",\"80/tcp\",\"90-99/udp\"]\n",
        );
        fixture.prints(
            "opened-ports --endpoints",
            "icmp (*)\n80/tcp (web)\n90-99/udp (*)\n",
        );
        fixture.fails("opened-ports x", 2, "unrecognized args: [\"x\"]");
    }
}
