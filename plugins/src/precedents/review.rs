//! Reviewers decide what becomes of a case.

use std::sync::Arc;

use indexes::Row;
use policies::{Action, Category};

use super::enter::{conflict, opposite};
use super::flood::Flood;
use super::{Opinion, PrecedentError, Precedents, Refusal, Review, Standing, State, now};

impl Precedents {
    /// Confirms a case, so that it acts from the next verdict on. In a floor category the first of two reviewers
    /// leaves it pending. One that was quarantined acts again, and is counted from the start.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: it is unknown, or closed, or contradicts one that acts, or the reviewer came twice.
    pub async fn confirm(&self, id: &str, opinion: Opinion<'_>) -> Result<Arc<Row>, PrecedentError> {
        let _writing = self.writing.lock().await;
        let row = self.case(id).await?;
        let standing = Standing::of(&row);
        match standing.state {
            State::Confirmed => return Ok(row),
            State::Unconfirmed | State::Pending | State::Quarantined => {}
            state @ (State::Rejected | State::Retracted) => return Err(closed(id, state, "confirmed").into()),
        }
        self.uncontradicted(&row).await?;
        let led_to = after_one_more(&row, &standing, &opinion)?;
        let row = self.review(&row, standing, (opinion, led_to)).await?;
        if led_to == State::Confirmed {
            self.flood.iter().for_each(|flood| Flood::release(flood, id));
            self.changed().await?;
        }
        Ok(row)
    }

    /// Refuses a case that has not acted yet. One reviewer is enough: nothing changes for the texts judged.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: it is unknown, or was decided on before.
    pub async fn reject(&self, id: &str, opinion: Opinion<'_>) -> Result<Arc<Row>, PrecedentError> {
        let _writing = self.writing.lock().await;
        let row = self.case(id).await?;
        let standing = Standing::of(&row);
        match standing.state {
            State::Rejected => Ok(row),
            State::Unconfirmed | State::Pending | State::Quarantined => {
                self.review(&row, standing, (opinion, State::Rejected)).await
            }
            state @ (State::Confirmed | State::Retracted) => Err(closed(id, state, "rejected").into()),
        }
    }

    /// Takes a case back: it stops acting in the next verdict, and stays for the record.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: it is unknown, or was rejected.
    pub async fn retract(&self, id: &str, opinion: Opinion<'_>) -> Result<Arc<Row>, PrecedentError> {
        let _writing = self.writing.lock().await;
        let row = self.case(id).await?;
        let standing = Standing::of(&row);
        match standing.state {
            State::Retracted => Ok(row),
            State::Rejected => Err(closed(id, State::Rejected, "retracted").into()),
            State::Unconfirmed | State::Pending | State::Confirmed | State::Quarantined => {
                let row = self.review(&row, standing, (opinion, State::Retracted)).await?;
                self.changed().await?;
                Ok(row)
            }
        }
    }

    /// Removes a case without a trace, and says whether it was there.
    ///
    /// # Errors
    ///
    /// [`Refusal::Unknown`]; the index does not answer.
    pub async fn remove(&self, id: &str) -> Result<(), PrecedentError> {
        let _writing = self.writing.lock().await;
        let row = self.case(id).await?;
        self.index.remove(std::slice::from_ref(&row.id)).await?;
        self.changed().await
    }

    /// Writes down that a case was stopped, unless a reviewer has released it meanwhile.
    pub(super) async fn quarantine(&self, id: &str) -> Result<(), PrecedentError> {
        let _writing = self.writing.lock().await;
        let row = self.case(id).await?;
        let standing = Standing::of(&row);
        let stopped = self.flood.as_ref().is_some_and(|flood| flood.stopped(id));
        if standing.state == State::Confirmed && stopped {
            let opinion = Opinion {
                by: "flood",
                reason: Some("it matched an unusual share of the traffic".to_owned()),
                floors: &std::collections::BTreeSet::new(),
            };
            self.review(&row, standing, (opinion, State::Quarantined)).await?;
        }
        Ok(())
    }

    async fn uncontradicted(&self, row: &Row) -> Result<(), PrecedentError> {
        let Some(ruling) = row.ruling.as_deref().and_then(Action::named) else { return Ok(()) };
        let acting = self.near(&row.vector, &[State::Confirmed]).await?;
        opposite(&acting, ruling, &row.text).map_or(Ok(()), |other| Err(conflict(other).into()))
    }

    async fn review(
        &self,
        row: &Row,
        mut standing: Standing,
        (opinion, led_to): (Opinion<'_>, State),
    ) -> Result<Arc<Row>, PrecedentError> {
        let Opinion { by, reason, .. } = opinion;
        standing.state = led_to;
        standing.reviews.push(Review { by: by.to_owned(), led_to, at: now(), reason });
        let mut row = row.clone();
        standing.write(&mut row);
        self.index.upsert(vec![row.clone()]).await?;
        Ok(Arc::new(row))
    }
}

/// What a case becomes when this reviewer confirms it.
fn after_one_more(row: &Row, standing: &Standing, opinion: &Opinion<'_>) -> Result<State, Refusal> {
    let category = row.label.as_deref().map(Category::named);
    let floor = category.filter(|category| opinion.floors.contains(category));
    let Some(floor) = floor else { return Ok(State::Confirmed) };
    let mut others = standing.confirmed_by().peekable();
    if others.peek().is_none() {
        return Ok(State::Pending);
    }
    if others.any(|other| other != opinion.by) {
        return Ok(State::Confirmed);
    }
    let (by, id, category) = (opinion.by.to_owned(), row.id.clone(), floor.to_string());
    Err(Refusal::SameReviewer { by, id, category })
}

fn closed(id: &str, state: State, wanted: &'static str) -> Refusal {
    Refusal::Closed { id: id.to_owned(), state, wanted }
}
