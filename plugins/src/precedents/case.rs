//! A case as it is handed in, as it is kept, and what has happened to it.

use indexes::{MAX_ID_BYTES, MAX_NAME_BYTES, MAX_TAGS, MAX_TEXT_CHARS, Row};
use policies::{Action, Category, Content, Severity};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Refusal;
use crate::folding::essence;

/// Tags that begin so are this room's own.
const RESERVED: char = '@';
/// Tags that this room adds to a row.
const OWN_TAGS: usize = 1;
/// The longest reason or provenance, in bytes: a note keeps several of them.
const MAX_REMARK_BYTES: usize = 1 << 12;

/// A decided case that somebody hands in.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Its name in the bank; made from what it says unless given.
    pub id: Option<String>,
    /// What was decided about.
    pub text: String,
    /// How it was decided.
    pub ruling: Action,
    /// The harm; goes with every ruling but [`Action::Allow`].
    pub category: Option<Category>,
    /// How bad it is; without it what resembles a harmful case would weigh nothing, so the ruling stands in for it.
    pub severity: Option<Severity>,
    /// ISO 639-1.
    pub language: Option<String>,
    /// Tags to find it by.
    pub tags: Vec<String>,
    /// Why it was decided so.
    pub reason: Option<String>,
    /// Where it comes from.
    pub provenance: Option<String>,
    /// From when on it no longer acts. *Units*: Unix seconds.
    pub expires: Option<u64>,
}

/// How far a case has come. Only a confirmed one acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nobody has reviewed it.
    Unconfirmed,
    /// One reviewer has confirmed it, and its category is a floor: it waits for another.
    Pending,
    /// It acts until it expires.
    Confirmed,
    /// A reviewer has refused it.
    Rejected,
    /// It acted, or might have, and does no more; kept for the record.
    Retracted,
    /// It matched so much of the traffic that it was stopped.
    Quarantined,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Unconfirmed,
        Self::Pending,
        Self::Confirmed,
        Self::Rejected,
        Self::Retracted,
        Self::Quarantined,
    ];

    /// Its name, in answers and requests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unconfirmed => "unconfirmed",
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Rejected => "rejected",
            Self::Retracted => "retracted",
            Self::Quarantined => "quarantined",
        }
    }

    /// The tag by which the index finds rows in this state.
    pub(crate) fn tag(self) -> String {
        format!("{RESERVED}{}", self.name())
    }

    /// Whether the case is still open or acts: one that says the opposite cannot stand beside it.
    pub(crate) fn is_live(self) -> bool {
        match self {
            Self::Unconfirmed | Self::Pending | Self::Confirmed | Self::Quarantined => true,
            Self::Rejected | Self::Retracted => false,
        }
    }
}

/// What one reviewer did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// The reviewer: a key's name.
    pub by: String,
    /// What the case became by it.
    pub led_to: State,
    /// When. *Units*: Unix seconds.
    pub at: u64,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a bank keeps about a case beside what the index searches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// How far it has come.
    pub state: State,
    /// Who handed it in first: a key's name.
    pub entered_by: String,
    /// How often it was handed in, near copies included.
    pub count: u64,
    /// What was done with it, oldest first.
    #[serde(default)]
    pub reviews: Vec<Review>,
    /// Short digests of the near copies it stands for, latest last.
    #[serde(default)]
    pub(crate) merged: Vec<String>,
    /// Digest of what was handed in.
    #[serde(default)]
    pub(crate) digest: String,
}

impl Standing {
    /// Near copies remembered by digest, so that the same import counts once.
    const MERGED: usize = 1_000;
    /// Reviews remembered.
    const REVIEWS: usize = 32;

    pub(crate) fn new(by: &str, digest: String) -> Self {
        Self {
            state: State::Unconfirmed,
            entered_by: by.to_owned(),
            count: 1,
            reviews: Vec::new(),
            merged: Vec::new(),
            digest,
        }
    }

    /// What a row says of itself; one that this room did not write is confirmed or not.
    #[must_use]
    pub fn of(row: &Row) -> Self {
        let read = row.note.as_deref().and_then(|note| serde_json::from_str(note).ok());
        read.unwrap_or_else(|| {
            let state = if row.confirmed { State::Confirmed } else { State::Unconfirmed };
            Self { state, ..Self::new("unknown", String::new()) }
        })
    }

    /// Writes it into the row, whose filter fields follow.
    pub(crate) fn write(mut self, row: &mut Row) {
        self.merged.drain(..self.merged.len().saturating_sub(Self::MERGED));
        self.reviews.drain(..self.reviews.len().saturating_sub(Self::REVIEWS));
        while self.reviews.len() > 1 && self.remarks() > indexes::MAX_NOTE_BYTES / 4 {
            self.reviews.remove(0);
        }
        row.confirmed = self.state == State::Confirmed;
        row.tags.retain(|tag| !tag.starts_with(RESERVED));
        row.tags.push(self.state.tag());
        // Strings and numbers always have a JSON.
        row.note = serde_json::to_string(&self).ok();
    }

    fn remarks(&self) -> usize {
        self.reviews.iter().map(|review| review.reason.as_ref().map_or(0, String::len)).sum()
    }

    /// Those who have confirmed it since it last became open.
    pub(crate) fn confirmed_by(&self) -> impl Iterator<Item = &str> {
        let agrees = |review: &&Review| matches!(review.led_to, State::Pending | State::Confirmed);
        self.reviews.iter().rev().take_while(agrees).map(|review| review.by.as_str())
    }
}

/// The tags of a row that are the caller's own.
pub fn own_tags(row: &Row) -> impl Iterator<Item = &String> {
    row.tags.iter().filter(|tag| !tag.starts_with(RESERVED))
}

impl Case {
    /// What it says, as 32 hexadecimal digits: the same for every spelling that makes no other text.
    pub(crate) fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for part in [self.ruling.name(), self.category.as_ref().map_or("", Category::name)] {
            hash.update(part);
            hash.update([0]);
        }
        hash.update(essence(&self.text));
        data_encoding::HEXLOWER.encode(hash.finalize().get(..16).unwrap_or_default())
    }

    /// Its name in the bank.
    pub(crate) fn id(&self) -> String {
        self.id.clone().unwrap_or_else(|| self.digest())
    }

    /// Refuses what no bank can hold, naming the field.
    ///
    /// # Errors
    ///
    /// [`Refusal::Content`], [`Refusal::Field`].
    pub fn check(&self) -> Result<(), Refusal> {
        let field = |field, reason: String| Err(Refusal::Field { field, reason });
        Content::new(self.text.as_str())?;
        if self.text.chars().count() > MAX_TEXT_CHARS {
            return field("text", format!("more than {MAX_TEXT_CHARS} characters"));
        }
        if (self.ruling == Action::Allow) != self.category.is_none() {
            return field(
                "category",
                "it goes with every ruling but `allow`, and with that one not".to_owned(),
            );
        }
        if self
            .id
            .as_ref()
            .is_some_and(|id| id.is_empty() || id.len() > MAX_ID_BYTES || id.starts_with(RESERVED))
        {
            return field(
                "id",
                format!("it has 1 to {MAX_ID_BYTES} bytes and does not begin with `{RESERVED}`"),
            );
        }
        if self.tags.len() > MAX_TAGS - OWN_TAGS {
            return field("tags", format!("more than {} of them", MAX_TAGS - OWN_TAGS));
        }
        if self.tags.iter().any(|tag| tag.starts_with(RESERVED)) {
            return field(
                "tags",
                format!("tags that begin with `{RESERVED}` are kept for the bank's own use"),
            );
        }
        let names = self.tags.iter().map(|tag| ("tags", tag.len()));
        let names = names.chain(self.language.iter().map(|name| ("language", name.len())));
        let mut names = names.chain(self.category.iter().map(|category| ("category", category.name().len())));
        if let Some((name, _)) = names.find(|(_, bytes)| *bytes > MAX_NAME_BYTES) {
            return field(name, format!("more than {MAX_NAME_BYTES} bytes"));
        }
        let mut remarks = [("reason", &self.reason), ("provenance", &self.provenance)].into_iter();
        let long = remarks.find(|(_, text)| text.as_ref().is_some_and(|text| text.len() > MAX_REMARK_BYTES));
        long.map_or(Ok(()), |(name, _)| field(name, format!("more than {MAX_REMARK_BYTES} bytes")))
    }

    /// The row it becomes, without its vector.
    pub(crate) fn into_row(self, bank: &str, by: &str, now: u64) -> Row {
        let standing = Standing::new(by, self.digest());
        let mut row = Row {
            id: self.id(),
            bank: bank.to_owned(),
            terms: crate::terms(&self.text, self.language.as_deref()),
            label: self.category.as_ref().map(ToString::to_string),
            ruling: Some(self.ruling.name().to_owned()),
            severity: self.severity.map(Severity::value).or_else(|| usual_severity(self.ruling)),
            text: self.text,
            language: self.language,
            tags: self.tags,
            created: now,
            expires: self.expires,
            provenance: self.provenance,
            reason: self.reason,
            ..Row::default()
        };
        standing.write(&mut row);
        row
    }
}

/// How bad a harm is of which only the ruling is known: the one of Azure's four levels that suits it.
fn usual_severity(ruling: Action) -> Option<u8> {
    match ruling {
        Action::Allow => None,
        Action::Flag => Some(2),
        Action::Review => Some(4),
        Action::Block => Some(6),
    }
}
