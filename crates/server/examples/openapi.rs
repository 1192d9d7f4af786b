//! Writes the API's OpenAPI description to standard output;
//! `docs/reference/openapi.json` is made with it.

use std::io::Write as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let description = lazuli_server::openapi().to_pretty_json()?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{description}")?;
    Ok(())
}
