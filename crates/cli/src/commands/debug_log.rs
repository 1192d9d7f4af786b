//! `debug-log`.

use lazuli_api::client::ModelClient;
use lazuli_api::{LogPage, LogQuery};

use crate::error::{Error, Result};
use crate::output::print;
use crate::patience::Patience;
use crate::render::log::{Style, line};
use crate::render::times::Clock;
use crate::session::Session;

/// Lines that a page has at most.
const PAGE: u32 = 10_000;
/// Lines to begin with when nothing else is said.
const LINES: u32 = 10;

/// Show the log of a model
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Show this many of the most recent lines, then stop; 0: all
    #[arg(long, value_name = "N", conflicts_with_all = ["lines", "tail"])]
    limit: Option<u32>,
    /// Begin with this many of the most recent lines, and go on
    #[arg(short = 'n', long, value_name = "N")]
    lines: Option<u32>,
    /// Begin with the first line
    #[arg(long)]
    replay: bool,
    /// Stop after what is there
    #[arg(long, conflicts_with = "tail")]
    no_tail: bool,
    /// Go on with new lines as they come
    #[arg(long)]
    tail: bool,
    /// Only of these entities
    #[arg(short, long, value_name = "ENTITY")]
    include: Vec<String>,
    /// Not of these entities
    #[arg(short = 'x', long, value_name = "ENTITY")]
    exclude: Vec<String>,
    /// Only of these modules
    #[arg(long, value_name = "MODULE")]
    include_module: Vec<String>,
    /// Not of these modules
    #[arg(long, value_name = "MODULE")]
    exclude_module: Vec<String>,
    /// Only with these labels, which no line has here
    #[arg(long, value_name = "LABEL", hide = true)]
    include_label: Vec<String>,
    /// Not with these labels, which no line has here
    #[arg(long, value_name = "LABEL", hide = true)]
    exclude_label: Vec<String>,
    /// Only this bad or worse: TRACE, DEBUG, INFO, WARNING, ERROR
    #[arg(short, long)]
    level: Option<String>,
    /// Show dates as well as times
    #[arg(long)]
    date: bool,
    /// Show times in UTC
    #[arg(long)]
    utc: bool,
    /// Show times to the millisecond
    #[arg(long)]
    ms: bool,
    #[arg(long, hide = true)]
    location: bool,
    #[arg(long, hide = true)]
    retry: bool,
    #[arg(long, hide = true)]
    retry_delay: Option<String>,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        let style = Style {
            clock: match self.utc {
                true => Clock::Utc,
                false => Clock::Local(session.offset),
            },
            date: self.date,
            ms: self.ms,
            color: session.colors(),
        };
        if !self.include_label.is_empty() {
            session.say("No lines of this log have labels: none is shown.");
            return Ok(());
        }
        let query = self.query();
        let goes_on = self.goes_on(session.shows());
        match self.tail_lines() {
            Some(0) if !goes_on => Ok(()),
            Some(lines) if !goes_on => {
                let query = LogQuery {
                    tail: Some(lines.min(PAGE)),
                    limit: Some(lines.min(PAGE)),
                    ..query
                };
                show(&at.client.logs(&query).await?, style)
            }
            Some(lines) => follow(session, &at.client, query, Some(lines.min(PAGE)), style).await,
            None => {
                let next = all(&at.client, &query, style).await?;
                match goes_on {
                    false => Ok(()),
                    true => {
                        let query = LogQuery {
                            after: Some(next),
                            ..query
                        };
                        follow(session, &at.client, query, None, style).await
                    }
                }
            }
        }
    }

    /// Whether to wait for new lines: asked for, or for a person to look at.
    fn goes_on(&self, shows: bool) -> bool {
        let asked = self.tail || self.lines.is_some();
        !self.no_tail && self.limit.is_none() && (asked || shows)
    }

    /// With how many of the last lines to begin; none: with the first.
    fn tail_lines(&self) -> Option<u32> {
        match (self.limit, self.replay) {
            (Some(0), _) | (None, true) => None,
            (Some(limit), _) => Some(limit),
            (None, false) => Some(self.lines.unwrap_or(LINES)),
        }
    }

    fn query(&self) -> LogQuery {
        let joined = |items: &[String]| (!items.is_empty()).then(|| items.join(","));
        LogQuery {
            include: joined(&self.include),
            exclude: joined(&self.exclude),
            include_module: joined(&self.include_module),
            exclude_module: joined(&self.exclude_module),
            level: self.level.clone().map(|level| level.to_uppercase()),
            ..LogQuery::default()
        }
    }
}

fn show(page: &LogPage, style: Style) -> Result<()> {
    let lines: String = page.lines.iter().map(|one| line(one, style)).collect();
    print(&lines)
}

/// Shows all that is there; answers where to go on.
async fn all(client: &ModelClient, query: &LogQuery, style: Style) -> Result<String> {
    let mut query = LogQuery {
        limit: Some(PAGE),
        ..query.clone()
    };
    loop {
        let page = client.logs(&query).await?;
        show(&page, style)?;
        if page.lines.is_empty() || query.after.as_ref() == Some(&page.next) {
            return Ok(page.next);
        }
        query.after = Some(page.next);
    }
}

/// Shows lines as they come; takes up a stream that broke after its last line.
async fn follow(
    session: &Session,
    client: &ModelClient,
    query: LogQuery,
    tail: Option<u32>,
    style: Style,
) -> Result<()> {
    let mut query = LogQuery {
        tail,
        follow: true,
        ..query
    };
    let mut patience = Patience::default();
    let mut opened = false;
    loop {
        let followed = match client.follow_logs(&query).await {
            Ok(mut stream) => {
                opened = true;
                loop {
                    match stream.next().await {
                        Ok(Some(message)) => {
                            patience.restore();
                            if message.id.is_some() {
                                query.after = message.id;
                                query.tail = None;
                            }
                            print(&line(&message.data, style))?;
                        }
                        Ok(None) => break Ok(()),
                        Err(error) => break Err(error),
                    }
                }
            }
            Err(error) => Err(error),
        };
        match followed {
            Ok(()) => patience.pause().await,
            Err(error) if !opened => return Err(Error::from(error)),
            Err(error) => patience.after(session, Error::from(error)).await?,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn parse(words: &[&str]) -> Args {
        let words = std::iter::once("debug-log").chain(words.iter().copied());
        Line::try_parse_from(words).unwrap().args
    }

    #[test]
    fn it_returns_unless_somebody_looks_or_asks() {
        assert!(!parse(&[]).goes_on(false));
        assert!(parse(&[]).goes_on(true));
        assert!(parse(&["--tail"]).goes_on(false));
        assert!(parse(&["-n", "5"]).goes_on(false));
        assert!(!parse(&["--limit", "5"]).goes_on(true));
        assert!(!parse(&["--no-tail"]).goes_on(true));
    }

    #[test]
    fn where_it_begins() {
        assert_eq!(parse(&[]).tail_lines(), Some(10));
        assert_eq!(parse(&["--limit", "0"]).tail_lines(), None);
        assert_eq!(parse(&["--limit", "7"]).tail_lines(), Some(7));
        assert_eq!(parse(&["--replay"]).tail_lines(), None);
        assert_eq!(parse(&["-n", "3"]).tail_lines(), Some(3));
    }
}
