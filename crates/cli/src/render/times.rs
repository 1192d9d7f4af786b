//! Times in Juju's forms.

use serde_json::Value;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

const LOCAL: &[BorrowedFormatItem<'_>] =
    format_description!("[day] [month repr:short] [year] [hour]:[minute]:[second]");
const ISO: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
const TIME: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute]:[second]");

/// Where times are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// In UTC, `2006-01-02 15:04:05Z`.
    Utc,
    /// Here, `02 Jan 2006 15:04:05+02:00`.
    Local(UtcOffset),
}

impl Clock {
    /// UTC if asked for, by flag or `JUJU_STATUS_ISO_TIME`.
    pub(crate) fn new(utc: bool, offset: UtcOffset) -> Self {
        let wanted = |name| std::env::var(name).is_ok_and(|value| value == "true" || value == "1");
        match utc || wanted("JUJU_STATUS_ISO_TIME") {
            true => Self::Utc,
            false => Self::Local(offset),
        }
    }

    /// A time with its date.
    pub(crate) fn full(self, at: OffsetDateTime) -> String {
        match self {
            Self::Utc => format(at, UtcOffset::UTC, ISO, "Z".to_owned()),
            Self::Local(offset) => format(at, offset, LOCAL, zone(offset)),
        }
    }

    /// A time of day.
    pub(crate) fn of_day(self, at: OffsetDateTime) -> String {
        format(at, self.offset(), TIME, zone(self.offset()))
    }

    /// A time with its date, for logs: no zone.
    pub(crate) fn log(self, at: OffsetDateTime, date: bool, ms: bool) -> String {
        let items = if date { ISO } else { TIME };
        let fraction = match ms {
            true => format!(".{:03}", at.millisecond()),
            false => String::new(),
        };
        format(at, self.offset(), items, fraction)
    }

    /// A document with each `since` in Juju's form.
    pub(crate) fn document(self, value: Value) -> Value {
        match value {
            Value::Object(entries) => entries
                .into_iter()
                .map(|(key, value)| {
                    let value = match &value {
                        Value::String(text) if key == "since" => {
                            match OffsetDateTime::parse(text, &Rfc3339) {
                                Ok(at) => Value::String(self.full(at)),
                                Err(_) => value,
                            }
                        }
                        _ => self.document(value),
                    };
                    (key, value)
                })
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Value::Array(items) => items
                .into_iter()
                .map(|item| self.document(item))
                .collect::<Vec<_>>()
                .into(),
            other => other,
        }
    }

    fn offset(self) -> UtcOffset {
        match self {
            Self::Utc => UtcOffset::UTC,
            Self::Local(offset) => offset,
        }
    }
}

fn format(
    at: OffsetDateTime,
    offset: UtcOffset,
    items: &[BorrowedFormatItem<'_>],
    zone: String,
) -> String {
    let text = at.to_offset(offset).format(items);
    text.map_or_else(|_| at.to_string(), |text| text + &zone)
}

fn zone(offset: UtcOffset) -> String {
    if offset.is_utc() {
        return "Z".to_owned();
    }
    let (hours, minutes, _) = offset.as_hms();
    let sign = if offset.is_negative() { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", hours.abs(), minutes.abs())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::{datetime, offset};

    use super::*;

    const AT: OffsetDateTime = datetime!(2024-03-05 06:07:08.5 UTC);

    #[test]
    fn times_are_jujus() {
        let local = Clock::Local(UtcOffset::UTC);
        assert_eq!(local.full(AT), "05 Mar 2024 06:07:08Z");
        assert_eq!(
            Clock::Local(offset!(-3:30)).full(AT),
            "05 Mar 2024 02:37:08-03:30"
        );
        assert_eq!(Clock::Utc.full(AT), "2024-03-05 06:07:08Z");
        assert_eq!(Clock::Local(offset!(+2)).of_day(AT), "08:07:08+02:00");
    }

    #[test]
    fn documents_have_their_times_changed() {
        let document = json!({"a": [{"since": "2024-03-05T06:07:08.5Z"}], "since": "soon"});
        assert_eq!(
            Clock::Utc.document(document),
            json!({"a": [{"since": "2024-03-05 06:07:08Z"}], "since": "soon"})
        );
    }
}
