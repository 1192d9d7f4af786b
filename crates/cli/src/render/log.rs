//! Lines of logs in Juju's form.

use lazuli_api::LogLine;

use super::table::plain;
use super::times::Clock;

/// How lines are told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// Where times are told.
    pub(crate) clock: Clock,
    /// With the date.
    pub(crate) date: bool,
    /// To the millisecond.
    pub(crate) ms: bool,
    /// With the level in the colour that Juju has for it.
    pub(crate) color: bool,
}

/// A line, with its newline.
pub(crate) fn line(line: &LogLine, style: Style) -> String {
    let level = match style.color.then(|| color(&line.level)).flatten() {
        Some(code) => format!("\x1b[{code}m{}\x1b[0m", line.level),
        None => line.level.clone(),
    };
    format!(
        "{}: {} {level} {} {}\n",
        line.entity,
        style.clock.log(line.at, style.date, style.ms),
        line.module,
        plain(line.message.clone())
    )
}

/// The code of a level's colour (ECMA-48, SGR).
fn color(level: &str) -> Option<&'static str> {
    Some(match level {
        "DEBUG" => "32",
        "INFO" => "94",
        "WARNING" => "33",
        "ERROR" => "91",
        "CRITICAL" => "97;41",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_line_is_jujus() {
        let said = LogLine {
            at: datetime!(2024-03-05 06:07:08.9 UTC),
            entity: "unit-webapp-0".to_owned(),
            level: "INFO".to_owned(),
            module: "juju-log".to_owned(),
            message: "hello".to_owned(),
        };
        let style = |date| Style {
            clock: Clock::Utc,
            date,
            ms: false,
            color: false,
        };
        assert_eq!(
            line(&said, style(false)),
            "unit-webapp-0: 06:07:08 INFO juju-log hello\n"
        );
        let precise = Style {
            ms: true,
            ..style(false)
        };
        assert_eq!(
            line(&said, precise),
            "unit-webapp-0: 06:07:08.900 INFO juju-log hello\n"
        );
        assert_eq!(
            line(&said, style(true)),
            "unit-webapp-0: 2024-03-05 06:07:08 INFO juju-log hello\n"
        );
        let colored = Style {
            color: true,
            ..style(false)
        };
        assert_eq!(
            line(&said, colored),
            "unit-webapp-0: 06:07:08 \x1b[94mINFO\x1b[0m juju-log hello\n"
        );
    }
}
