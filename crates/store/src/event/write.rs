//! Appends events.

use sqlx::types::Json;
use sqlx::{PgConnection, query};
use uuid::Uuid;

use super::{Actor, Draft};
use crate::StoreError;
use crate::convert::bigint;
use crate::limit::Doing;

/// Events of one commit of one model.
pub(crate) struct Append<'a> {
    pub(crate) model: Uuid,
    pub(crate) revision: u64,
    pub(crate) actor: &'a Actor,
    pub(crate) drafts: Vec<Draft>,
}

/// Appends events before their changes are written: a name that goes is still
/// there to be looked up, and what is not there yet is created.
pub(crate) async fn append(
    connection: &mut PgConnection,
    commits: &[Append<'_>],
) -> Result<(), StoreError> {
    let each = || {
        commits
            .iter()
            .flat_map(|commit| commit.drafts.iter().map(move |draft| (commit, draft)))
    };
    let numbers: Vec<i32> = commits
        .iter()
        .flat_map(|commit| (0..).zip(&commit.drafts).map(|(n, _)| n))
        .collect();
    if numbers.is_empty() {
        return Ok(());
    }
    query!(
        "insert into events (model, revision, n, entity, id, name, kind, actor, keys, after)
         select r.model, r.revision, r.n, r.entity, r.id,
            coalesce(r.name, a.name, m.name, u.name, p.name, c.url, e.number::text),
            case
                when r.removed then 'removed'
                when r.put and coalesce(a.id, m.id, u.id, p.id, c.id, e.id) is null then 'created'
                else 'changed'
            end,
            r.actor, r.keys, r.after
         from unnest($1::uuid[], $2::bigint[], $3::integer[], $4::text[], $5::uuid[], $6::text[],
            $7::boolean[], $8::boolean[], $9::text[], $10::jsonb[], $11::jsonb[])
            as r (model, revision, n, entity, id, name, put, removed, actor, keys, after)
         left join applications a
            on r.entity = 'application' and a.model = r.model and a.id = r.id
         left join machines m on r.entity = 'machine' and m.model = r.model and m.id = r.id
         left join units u on r.entity = 'unit' and u.model = r.model and u.id = r.id
         left join models p on r.entity = 'model' and p.id = r.id
         left join charms c on r.entity = 'charm' and c.model = r.model and c.id = r.id
         left join relations e on r.entity = 'relation' and e.model = r.model and e.id = r.id",
        &each().map(|(commit, _)| commit.model).collect::<Vec<_>>(),
        &each()
            .map(|(commit, _)| bigint(commit.revision))
            .collect::<Vec<_>>(),
        &numbers,
        &each()
            .map(|(_, draft)| draft.kind.as_str().to_owned())
            .collect::<Vec<_>>(),
        &each().map(|(_, draft)| draft.id).collect::<Vec<_>>(),
        &each()
            .map(|(_, draft)| draft.name.clone())
            .collect::<Vec<_>>() as &[Option<String>],
        &each().map(|(_, draft)| draft.put).collect::<Vec<_>>(),
        &each().map(|(_, draft)| draft.removed).collect::<Vec<_>>(),
        &each()
            .map(|(commit, _)| commit.actor.to_string())
            .collect::<Vec<_>>(),
        &each()
            .map(|(_, draft)| Json(&draft.keys))
            .collect::<Vec<_>>() as &[Json<_>],
        &each()
            .map(|(_, draft)| Json(&draft.after))
            .collect::<Vec<_>>() as &[Json<_>],
    )
    .execute(connection)
    .doing("append events")
    .await?;
    Ok(())
}
