//! Lists of words, phrases and patterns that callers keep here and name when they have a text looked at.
//!
//! Each list is a file in the data folder. A change is on disk before it is answered, and in force with its answer.

mod list;
mod matcher;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use policies::Content;

pub use list::{Change, Description, Item, List, NewItem};

use crate::durable;
use list::{Written, check};

/// Lists there may be.
pub const MAX_LISTS: usize = 1_000;
/// Items of all lists together.
pub const MAX_ITEMS: usize = 10_000;
/// The longest name of a list.
pub const MAX_NAME: usize = 64;
/// The longest description, in characters.
pub const MAX_DESCRIPTION: usize = 1_024;
/// The longest item, in characters.
pub const MAX_ITEM: usize = 128;

/// Why a list is not changed, or not found.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The name cannot be a list's.
    #[error("a list's name has 1 to {MAX_NAME} letters, digits, `-`, `.`, `_` and `~`")]
    Name,
    /// There is no such list.
    #[error("there is no list of that name")]
    UnknownList,
    /// There is no such item.
    #[error("the list has no item of that id")]
    UnknownItem,
    /// A value cannot be kept.
    #[error("`{field}`: {reason}")]
    Field {
        /// Which.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The disk does not take it, or gives back something else.
    #[error("the lists are not written")]
    Disk(#[from] io::Error),
}

/// Every list in force, by name.
pub type ByName = BTreeMap<String, Arc<List>>;

/// The lists. Shared by all requests; what changes them blocks until it is on disk.
pub struct Lists {
    folder: PathBuf,
    in_force: ArcSwap<ByName>,
    writing: Mutex<()>,
}

/// An item that is in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Its list.
    pub list: String,
    /// The item.
    pub item: Item,
}

impl Lists {
    /// The lists in `folder`.
    ///
    /// # Errors
    ///
    /// The folder cannot be read, or a file there is no list.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let mut by_name = ByName::new();
        durable::sweep(folder)?;
        for name in durable::names(folder)? {
            let broken = |error: ListError| io::Error::new(io::ErrorKind::InvalidData, error);
            let file = folder.join(format!("{name}.json"));
            let written: Written = serde_json::from_slice(&std::fs::read(&file)?)?;
            by_name.insert(written.name.clone(), Arc::new(List::new(written).map_err(broken)?));
        }
        Ok(Self {
            folder: folder.to_owned(),
            in_force: ArcSwap::from_pointee(by_name),
            writing: Mutex::default(),
        })
    }

    /// The lists as they are now.
    #[must_use]
    pub fn all(&self) -> Arc<ByName> {
        self.in_force.load_full()
    }

    /// One list as it is now.
    ///
    /// # Errors
    ///
    /// [`ListError::UnknownList`].
    pub fn list(&self, name: &str) -> Result<Arc<List>, ListError> {
        self.in_force.load().get(name).cloned().ok_or(ListError::UnknownList)
    }

    /// Makes or changes a list, and says whether it is new.
    ///
    /// # Errors
    ///
    /// [`ListError`]: nothing is changed.
    pub fn put(&self, name: &str, change: Change) -> Result<(Arc<List>, bool), ListError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let lists = self.in_force.load_full();
        let known = lists.get(name);
        if known.is_none() && !is_name(name) {
            return Err(ListError::Name);
        }
        if known.is_none() && lists.len() >= MAX_LISTS {
            return Err(field("blocklistName", &format!("there are {MAX_LISTS} lists, and may be no more")));
        }
        let mut written = known
            .map_or_else(|| Written { name: name.to_owned(), ..Written::default() }, |list| list.written());
        written.change(change)?;
        Ok((self.keep(&lists, written)?, known.is_none()))
    }

    /// Removes a list, if it is there.
    ///
    /// # Errors
    ///
    /// [`ListError::Name`], [`ListError::Disk`].
    pub fn delete(&self, name: &str) -> Result<(), ListError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_name(name) {
            return Err(ListError::Name);
        }
        durable::remove(&self.file(name))?;
        let mut lists = ByName::clone(&self.in_force.load());
        lists.remove(name);
        self.in_force.store(Arc::new(lists));
        Ok(())
    }

    /// Adds items to a list, and gives each back with its id. One of the same text replaces that, and keeps its id.
    ///
    /// # Errors
    ///
    /// [`ListError`]: nothing is changed.
    pub fn add(&self, name: &str, items: Vec<NewItem>) -> Result<Vec<Item>, ListError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let lists = self.in_force.load_full();
        let mut written = lists.get(name).ok_or(ListError::UnknownList)?.written();
        items.iter().enumerate().try_for_each(|(number, item)| check(number, item))?;
        let before = written.items.len();
        let added = items.into_iter().map(|item| written.put(item)).collect();
        let all: usize = lists.values().map(|list| list.items().len()).sum();
        if all - before + written.items.len() > MAX_ITEMS {
            return Err(field(
                "blocklistItems",
                &format!("more than {MAX_ITEMS} items in all lists together"),
            ));
        }
        self.keep(&lists, written)?;
        Ok(added)
    }

    /// Removes those of `ids` that a list has.
    ///
    /// # Errors
    ///
    /// [`ListError::UnknownList`], [`ListError::Disk`].
    pub fn remove(&self, name: &str, ids: &[String]) -> Result<(), ListError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let lists = self.in_force.load_full();
        let mut written = lists.get(name).ok_or(ListError::UnknownList)?.written();
        written.items.retain(|item| !ids.contains(&item.id));
        self.keep(&lists, written)?;
        Ok(())
    }

    /// Items of the lists called `names` that are in `content`, list by list.
    ///
    /// # Errors
    ///
    /// [`ListError::UnknownList`].
    pub fn hits(&self, names: &[String], content: &Content) -> Result<Vec<Hit>, ListError> {
        let lists = names.iter().map(|name| self.list(name)).collect::<Result<Vec<_>, _>>()?;
        let hits = |list: Arc<List>| {
            let found = list.hits(content);
            found.into_iter().map(|item| Hit { list: list.name().to_owned(), item }).collect::<Vec<_>>()
        };
        Ok(lists.into_iter().flat_map(hits).collect())
    }

    /// On disk first, then in force.
    fn keep(&self, lists: &ByName, written: Written) -> Result<Arc<List>, ListError> {
        let text = serde_json::to_vec(&written).map_err(io::Error::from)?;
        let list = Arc::new(List::new(written)?);
        durable::replace(&self.file(list.name()), &text)?;
        let mut lists = lists.clone();
        lists.insert(list.name().to_owned(), Arc::clone(&list));
        self.in_force.store(Arc::new(lists));
        Ok(list)
    }

    /// Names in hexadecimal: some file systems take `A` for `a`, and no file may be called `..`.
    fn file(&self, name: &str) -> PathBuf {
        let digits = name.bytes().flat_map(|byte| [byte >> 4, byte & 15]);
        let hexadecimal = digits.filter_map(|digit| char::from_digit(digit.into(), 16));
        self.folder.join(format!("{}.json", hexadecimal.collect::<String>()))
    }
}

/// Whether a list can be called so.
#[must_use]
pub fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte))
}

fn field(field: &str, reason: &str) -> ListError {
    ListError::Field { field: field.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests;
