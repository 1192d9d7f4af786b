//! Reads events: of one model from a revision on, or of all models.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use lazuli_model::id::ModelId;
use lazuli_model::state::RowKey;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool, query, query_as};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{bigint, integer, raw, typed, unsigned, unsigned32};
use crate::heads::Position;
use crate::limit::Doing;

/// Where an event stands among its model's: `Last-Event-ID`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventId {
    /// The revision of the commit.
    pub revision: u64,
    /// Counts the events of a commit from 0.
    pub n: u32,
}

/// Something that happened to an entity.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The model.
    pub model: ModelId,
    /// Where it stands.
    pub id: EventId,
    /// `model`, `charm`, `application`, `machine`, `unit` or `relation`.
    pub entity: String,
    /// The entity's id.
    pub entity_id: Uuid,
    /// The entity's name; a relation's is its number.
    pub name: Option<String>,
    /// `created`, `changed` or `removed`.
    pub kind: String,
    /// Such as `user:admin` or `controller`.
    pub actor: String,
    /// The rows that changed.
    pub keys: Vec<RowKey>,
    /// What may be shown of them now.
    pub after: Value,
    /// When it was committed.
    pub at: OffsetDateTime,
}

/// Events after a point.
#[derive(Clone, Debug, PartialEq)]
pub enum Page {
    /// The next ones, in order; none when there are no more yet.
    Events(Vec<Event>),
    /// Some of those asked for are no longer kept: answer 410 and start anew
    /// from the model's state.
    Gone,
}

/// Where a reader of all models' events stands. Opaque outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    tx: i64,
    model: Uuid,
    id: EventId,
}

struct Record {
    model: Uuid,
    revision: i64,
    n: i32,
    tx: i64,
    at: OffsetDateTime,
    entity: String,
    id: Uuid,
    name: Option<String>,
    kind: String,
    actor: String,
    keys: Json<Vec<RowKey>>,
    after: Value,
}

impl Record {
    fn event(self) -> Event {
        Event {
            model: typed(self.model),
            id: EventId {
                revision: unsigned(self.revision),
                n: unsigned32(self.n),
            },
            entity: self.entity,
            entity_id: self.id,
            name: self.name,
            kind: self.kind,
            actor: self.actor,
            keys: self.keys.0,
            after: self.after,
            at: self.at,
        }
    }
}

/// The events of a model after one of them, in order.
///
/// # Errors
///
/// Fails when Postgres does, or when the model was never there.
pub async fn after(
    pool: &PgPool,
    model: ModelId,
    after: EventId,
    limit: u32,
) -> Result<Page, StoreError> {
    let pruned = query!("select pruned from heads where model = $1", raw(model))
        .fetch_optional(pool)
        .doing("read a head")
        .await?
        .ok_or_else(|| StoreError::NotFound {
            what: format!("model {model}"),
        })?
        .pruned;
    if after.revision < unsigned(pruned) {
        return Ok(Page::Gone);
    }
    let records = query_as!(
        Record,
        r#"select model, revision, n, tx, at, entity, id, name, kind, actor,
            keys as "keys: Json<Vec<RowKey>>", after
         from events where model = $1 and (revision, n) > ($2, $3)
         order by revision, n limit $4"#,
        raw(model),
        bigint(after.revision),
        integer(after.n),
        i64::from(limit),
    )
    .fetch_all(pool)
    .doing("read events")
    .await?;
    Ok(Page::Events(
        records.into_iter().map(Record::event).collect(),
    ))
}

/// The events of all models after a point, from the oldest that is kept when
/// there is none, with the point to go on from. Ordered by transaction, and
/// read only as far as no transaction is still running, so none is skipped;
/// any transaction that writes on the same server holds up what is newer.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn after_all(
    pool: &PgPool,
    after: Cursor,
    limit: u32,
) -> Result<(Vec<Event>, Cursor), StoreError> {
    let records = query_as!(
        Record,
        r#"select model, revision, n, tx, at, entity, id, name, kind, actor,
            keys as "keys: Json<Vec<RowKey>>", after
         from events
         where (tx, model, revision, n) > ($1, $2, $3, $4)
            and tx < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
         order by tx, model, revision, n limit $5"#,
        after.tx,
        after.model,
        bigint(after.id.revision),
        integer(after.id.n),
        i64::from(limit),
    )
    .fetch_all(pool)
    .doing("read all models' events")
    .await?;
    let cursor = records.last().map_or(after, |record| Cursor {
        tx: record.tx,
        model: record.model,
        id: EventId {
            revision: unsigned(record.revision),
            n: unsigned32(record.n),
        },
    });
    Ok((records.into_iter().map(Record::event).collect(), cursor))
}

/// What changed in a model since a revision.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    /// How far the model is now.
    pub position: Position,
    /// The rows that changed; none when that is no longer known, or is so
    /// much that loading the model is cheaper.
    pub keys: Option<BTreeSet<RowKey>>,
}

/// More events than this are not followed one by one.
const FOLLOWED: i64 = 20_000;

/// What changed in a model since a revision. The caller sees to it that head
/// and events are read from one snapshot, or holds the head's lock.
pub(crate) async fn changes(
    connection: &mut PgConnection,
    model: ModelId,
    since: u64,
) -> Result<Option<Changes>, StoreError> {
    let head = query!(
        "select revision, generation, pruned from heads where model = $1 and removed_at is null",
        raw(model)
    )
    .fetch_optional(&mut *connection)
    .doing("read a head")
    .await?;
    let Some(head) = head else {
        return Ok(None);
    };
    let position = Position {
        revision: unsigned(head.revision),
        generation: unsigned(head.generation),
    };
    if since < unsigned(head.pruned) {
        return Ok(Some(Changes {
            position,
            keys: None,
        }));
    }
    let mut keys = Some(BTreeSet::new());
    if since < position.revision {
        let records = query!(
            r#"select keys as "keys: Json<Vec<RowKey>>" from events
             where model = $1 and revision > $2 limit $3"#,
            raw(model),
            bigint(since),
            FOLLOWED,
        )
        .fetch_all(connection)
        .doing("read what changed")
        .await?;
        keys = (bigint(records.len() as u64) < FOLLOWED).then(|| {
            records
                .into_iter()
                .flat_map(|record| record.keys.0)
                .collect()
        });
    }
    Ok(Some(Changes { position, keys }))
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.revision, self.n)
    }
}

/// Not an event's id or cursor.
#[derive(Debug, thiserror::Error)]
#[error("not a cursor of this server")]
pub struct NotACursor;

impl FromStr for EventId {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let (revision, n) = text.split_once('.').ok_or(NotACursor)?;
        Ok(Self {
            revision: revision.parse().map_err(|_| NotACursor)?,
            n: n.parse().map_err(|_| NotACursor)?,
        })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.tx, self.model.simple(), self.id)
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let mut parts = text.splitn(3, '.');
        let mut next = || parts.next().ok_or(NotACursor);
        Ok(Self {
            tx: next()?.parse().map_err(|_| NotACursor)?,
            model: next()?.parse().map_err(|_| NotACursor)?,
            id: next()?.parse()?,
        })
    }
}
