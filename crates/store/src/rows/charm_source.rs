//! Where applications' charms come from.

use lazuli_model::id::ApplicationId;
use lazuli_model::state::{CharmSource, Row};
use sqlx::{PgConnection, query, query_as};
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{Of, column, models, part, raw, typed};
use crate::limit::Doing;

struct Record {
    application: Uuid,
    channel: Option<String>,
    forced: Option<Uuid>,
}

impl Record {
    #[expect(
        clippy::unnecessary_wraps,
        reason = "as of the rows that can be corrupt"
    )]
    fn row(self) -> Result<Row, StoreError> {
        Ok(Row::CharmSource(CharmSource {
            application: typed(self.application),
            channel: self.channel,
            forced: self.forced.map(typed),
        }))
    }
}

macro_rules! select {
    ($filter:literal, $($argument:expr),+) => {
        query_as!(
            Record,
            "select application, channel, forced from charm_sources t " + $filter,
            $($argument),+
        )
    };
}

readers! {
    "load where charms come from", keys: ApplicationId,
    "where t.model = $1 and t.application = any($2)",
    &part(keys, |id| raw(*id))
}

pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, CharmSource>],
) -> Result<(), StoreError> {
    query!(
        "insert into charm_sources (model, application, channel, forced)
         select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[])
         on conflict (model, application) do update set channel = excluded.channel,
            forced = excluded.forced",
        &models(rows),
        &column(rows, |row| raw(row.application)),
        &column(rows, |row| row.channel.clone()) as &[Option<String>],
        &column(rows, |row| row.forced.map(raw)) as &[Option<Uuid>],
    )
    .execute(connection)
    .doing("write where charms come from")
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, ApplicationId)],
) -> Result<(), StoreError> {
    query!(
        "delete from charm_sources t using unnest($1::uuid[], $2::uuid[]) as k (model, application)
         where t.model = k.model and t.application = k.application",
        &part(keys, |key| key.0),
        &part(keys, |key| raw(key.1)),
    )
    .execute(connection)
    .doing("delete where charms come from")
    .await?;
    Ok(())
}
