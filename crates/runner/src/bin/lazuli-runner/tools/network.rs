//! `unit-get` and `network-get`.

use lazuli_runner::frames::{Binding, Interface};

use super::{Call, Done, Flag, Format, Stop, Takes, Tool, ToolContext};
use crate::format::Doc;

/// Prints an address of the unit.
pub(super) static UNIT_GET: Tool = Tool {
    name: "unit-get",
    args: "<setting>",
    purpose: "Print public-address or private-address.",
    flags: &[],
    format: Some(Format::Smart),
    run: unit,
};

/// Prints the addresses of a binding.
pub(super) static NETWORK_GET: Tool = Tool {
    name: "network-get",
    args: "<binding-name> [--ingress-address] [--bind-address] [--egress-subnets]",
    purpose: "Get network config.",
    flags: &[
        Flag {
            names: &["relation", "r"],
            takes: Takes::Value,
            help: "Specify a relation by id",
        },
        Flag {
            names: &["bind-address"],
            takes: Takes::Nothing,
            help: "Get the address for the binding on which the unit should listen",
        },
        Flag {
            names: &["ingress-address"],
            takes: Takes::Nothing,
            help: "Get the ingress address for the binding",
        },
        Flag {
            names: &["egress-subnets"],
            takes: Takes::Nothing,
            help: "Get the egress subnets for the binding",
        },
        Flag {
            names: &["primary-address"],
            takes: Takes::Nothing,
            help: "(deprecated) Get the primary address for the binding",
        },
    ],
    format: Some(Format::Smart),
    run: network,
};

fn unit(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    let Some(setting) = call.parsed.positional(0) else {
        return Err(Stop::Usage("no setting specified".to_owned()));
    };
    let network = &ctx.base.network;
    let address = match setting {
        "private-address" => &network.private_address,
        "public-address" if network.public_address.is_empty() => &network.private_address,
        "public-address" => &network.public_address,
        other => return Err(Stop::Usage(format!("unknown setting {other:?}"))),
    };
    call.no_more_than(1)?;
    Ok(Done::print(Doc::text(address)))
}

fn network(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    let parsed = &call.parsed;
    let Some(name) = parsed.positional(0) else {
        return Err(Stop::Usage("no arguments specified".to_owned()));
    };
    if name.is_empty() {
        return Err(Stop::Usage("no binding name specified".to_owned()));
    }
    call.no_more_than(1)?;
    if let Some(relation) = parsed.value("relation") {
        ctx.relation(Some(relation))?;
    }
    let flags = ["bind-address", "egress-subnets", "ingress-address"];
    let asked: Vec<&str> = flags
        .into_iter()
        .filter(|flag| parsed.is_set(flag))
        .collect();
    let primary = parsed.is_set("primary-address");
    if primary && !asked.is_empty() {
        return Err(Stop::Failed(
            "--primary-address must be the only flag specified".to_owned(),
        ));
    }
    let bindings = &ctx.base.network.bindings;
    let known = ctx.base.network.names.iter().any(|known| known == name);
    let binding = bindings
        .get(name)
        .or_else(|| bindings.get("").filter(|_| known))
        .ok_or_else(|| Stop::Failed(format!("no network config found for binding {name:?}")))?;
    if primary {
        return Ok(Done::print(bind_address(binding)));
    }
    let value = |flag: &str| match flag {
        "bind-address" => bind_address(binding),
        "ingress-address" => ingress(binding)
            .into_iter()
            .next()
            .map_or(Doc::Null, Doc::Str),
        _ => Doc::texts(&binding.egress_subnets),
    };
    Ok(Done::print(match asked.as_slice() {
        [] => whole(binding, call.format),
        [flag] => value(flag),
        flags => Doc::Map(
            flags
                .iter()
                .map(|flag| ((*flag).to_owned(), value(flag)))
                .collect(),
        ),
    }))
}

fn first_address(binding: &Binding) -> Option<&String> {
    binding
        .interfaces
        .iter()
        .find_map(|interface| interface.addresses.first())
        .map(|(address, _)| address)
}

fn bind_address(binding: &Binding) -> Doc {
    first_address(binding).map_or(Doc::Null, Doc::text)
}

/// Where others reach the unit: the first bind address when nothing is said.
fn ingress(binding: &Binding) -> Vec<String> {
    if binding.ingress.is_empty() {
        first_address(binding).cloned().into_iter().collect()
    } else {
        binding.ingress.clone()
    }
}

fn whole(binding: &Binding, format: Format) -> Doc {
    let mut fields = Vec::new();
    if !binding.interfaces.is_empty() {
        let interfaces = binding
            .interfaces
            .iter()
            .map(|found| interface(found, format))
            .collect();
        fields.push(("bind-addresses", Doc::List(interfaces)));
    }
    if !binding.egress_subnets.is_empty() {
        fields.push(("egress-subnets", Doc::texts(&binding.egress_subnets)));
    }
    let ingress = ingress(binding);
    if !ingress.is_empty() {
        fields.push(("ingress-addresses", Doc::texts(ingress)));
    }
    Doc::Record(fields)
}

/// YAML also has the keys of old releases (reference juju, 3.2).
fn interface(found: &Interface, format: Format) -> Doc {
    let old_keys = format != Format::Json;
    let addresses = found
        .addresses
        .iter()
        .map(|(address, cidr)| {
            let mut fields = vec![
                ("hostname", Doc::text("")),
                ("value", Doc::text(address)),
                ("cidr", Doc::text(cidr)),
            ];
            if old_keys {
                fields.push(("address", Doc::text(address)));
            }
            Doc::Record(fields)
        })
        .collect();
    let mut fields = vec![
        ("mac-address", Doc::text(&found.mac)),
        ("interface-name", Doc::text(&found.name)),
        ("addresses", Doc::List(addresses)),
    ];
    if old_keys {
        fields.push(("macaddress", Doc::text(&found.mac)));
        fields.push(("interfacename", Doc::text(&found.name)));
    }
    Doc::Record(fields)
}

#[cfg(test)]
mod tests {
    use lazuli_runner::frames::{Binding, Interface, Network};

    use crate::tools::testing::Fixture;

    fn fixture() -> Fixture {
        let mut fixture = Fixture::new("a/0").related();
        fixture.context.network = Network {
            private_address: "10.0.0.5".to_owned(),
            public_address: "20.1.2.3".to_owned(),
            bindings: [(
                String::new(),
                Binding {
                    interfaces: vec![Interface {
                        name: "eth0".to_owned(),
                        mac: "00:0d:3a:00:00:01".to_owned(),
                        addresses: vec![("10.0.0.5".to_owned(), "10.0.0.0/24".to_owned())],
                    }],
                    ingress: vec!["20.1.2.3".to_owned()],
                    egress_subnets: vec!["10.0.0.5/32".to_owned()],
                },
            )]
            .into(),
            names: vec!["db".to_owned(), "juju-info".to_owned()],
        };
        fixture
    }

    #[test]
    fn unit_get_knows_two_addresses() {
        let mut fixture = fixture();
        fixture.prints("unit-get private-address", "10.0.0.5\n");
        fixture.prints("unit-get public-address --format json", "\"20.1.2.3\"\n");
        fixture.context.network.public_address.clear();
        fixture.prints("unit-get public-address", "10.0.0.5\n");
        fixture.fails("unit-get", 2, "no setting specified");
        fixture.fails("unit-get x", 2, "unknown setting \"x\"");
        fixture.fails(
            "unit-get private-address x",
            2,
            "unrecognized args: [\"x\"]",
        );
    }

    #[test]
    fn a_binding_has_two_shapes() {
        let fixture = fixture();
        fixture.prints(
            "network-get --format=json db",
            "{\"bind-addresses\":[{\"mac-address\":\"00:0d:3a:00:00:01\",\
             \"interface-name\":\"eth0\",\"addresses\":[{\"hostname\":\"\",\
             \"value\":\"10.0.0.5\",\"cidr\":\"10.0.0.0/24\"}]}],\
             \"egress-subnets\":[\"10.0.0.5/32\"],\"ingress-addresses\":[\"20.1.2.3\"]}\n",
        );
        fixture.prints(
            "network-get juju-info -r 1",
            "bind-addresses:\n- mac-address: 00:0d:3a:00:00:01\n  interface-name: eth0\n  \
             addresses:\n  - hostname: \"\"\n    value: 10.0.0.5\n    cidr: 10.0.0.0/24\n    \
             address: 10.0.0.5\n  macaddress: 00:0d:3a:00:00:01\n  interfacename: eth0\n\
             egress-subnets:\n- 10.0.0.5/32\ningress-addresses:\n- 20.1.2.3\n",
        );
    }

    #[test]
    fn one_flag_is_a_bare_value() {
        let mut fixture = fixture();
        for (args, stdout) in [
            ("db --bind-address", "10.0.0.5\n"),
            ("--ingress-address db", "20.1.2.3\n"),
            ("db --egress-subnets", "10.0.0.5/32\n"),
            ("db --egress-subnets --format json", "[\"10.0.0.5/32\"]\n"),
            ("db --primary-address", "10.0.0.5\n"),
            (
                "db --bind-address --ingress-address",
                "bind-address: 10.0.0.5\ningress-address: 20.1.2.3\n",
            ),
        ] {
            fixture.prints(&format!("network-get {args}"), stdout);
        }
        let binding = fixture.context.network.bindings.get_mut("").unwrap();
        binding.ingress.clear();
        binding.egress_subnets.clear();
        fixture.prints("network-get db --ingress-address", "10.0.0.5\n");
        fixture.prints("network-get db --egress-subnets --format json", "[]\n");
    }

    #[test]
    fn what_is_not_there() {
        let fixture = fixture();
        for (args, code, text) in [
            ("", 2, "no arguments specified"),
            ("x", 1, "no network config found for binding \"x\""),
            (
                "db --primary-address --bind-address",
                1,
                "--primary-address must be the only flag specified",
            ),
            (
                "db -r 9",
                2,
                "invalid value \"9\" for option -r: relation not found",
            ),
        ] {
            fixture.fails(&format!("network-get {args}"), code, text);
        }
        fixture.fails_args(&["network-get", ""], 2, "no binding name specified");
    }
}
