use policies::Content;

use super::{Change, Description, ListError, Lists, MAX_ITEMS, NewItem};

fn item(text: &str) -> NewItem {
    NewItem { text: text.to_owned(), ..NewItem::default() }
}

fn regex(text: &str) -> NewItem {
    NewItem { is_regex: true, ..item(text) }
}

fn lists() -> (tempfile::TempDir, Lists) {
    let folder = tempfile::tempdir().unwrap();
    let lists = Lists::open(&folder.path().join("lists")).unwrap();
    lists.put("words", Change::default()).unwrap();
    (folder, lists)
}

fn hits(lists: &Lists, text: &str) -> Vec<String> {
    let content = Content::new(text).unwrap();
    let hits = lists.hits(&["words".to_owned()], &content).unwrap();
    hits.into_iter().map(|hit| hit.item.text).collect()
}

#[test]
fn words_are_found_whole_in_any_case_and_in_disguise_and_patterns_anywhere() {
    let (_folder, lists) = lists();
    let items = [item("zorblax"), item("two  words"), regex("gr[ae]y[0-9]{2}"), item("gr[ae]y")];
    lists.add("words", items.to_vec()).unwrap();
    assert_eq!(hits(&lists, "A ZORBLAX, and two\nWords."), ["zorblax", "two  words"]);
    assert_eq!(hits(&lists, "z.o.r.b.l.a.x"), ["zorblax"]);
    assert!(hits(&lists, "zorblaxes and grey").is_empty());
    assert_eq!(hits(&lists, "the Grey42one"), ["gr[ae]y[0-9]{2}"]);
}

#[test]
fn however_many_items_are_in_a_text_all_are_found() {
    let (_folder, lists) = lists();
    let words: Vec<String> = (0..90).map(|number| format!("word{number}")).collect();
    lists.add("words", words.iter().map(|word| item(word)).collect()).unwrap();
    assert_eq!(hits(&lists, &words.join(" ")), words);
}

#[test]
fn an_item_is_what_its_text_is_and_a_list_opened_again_is_the_same() {
    let (folder, lists) = lists();
    let first = lists.add("words", vec![item("one"), regex("t.o")]).unwrap();
    let again = NewItem { description: Some("changed".to_owned()), ..item("one") };
    let second = lists.add("words", vec![again, item("one")]).unwrap();
    assert!(second.iter().all(|item| item.id == first[0].id));
    lists.put("..", Change { description: Description::Set("dots".to_owned()) }).unwrap();
    lists.put("WORDS", Change::default()).unwrap();
    lists.remove("words", &[first[1].id.clone(), "nobody".to_owned()]).unwrap();
    let opened = Lists::open(&folder.path().join("lists")).unwrap();
    assert_eq!(opened.all().keys().collect::<Vec<_>>(), ["..", "WORDS", "words"]);
    assert_eq!(opened.list("words").unwrap().items(), lists.list("words").unwrap().items());
    assert_eq!(opened.list("..").unwrap().description(), Some("dots"));
    opened.delete("..").unwrap();
    opened.delete("..").unwrap();
    assert_eq!(Lists::open(&folder.path().join("lists")).unwrap().all().len(), 2);
}

#[test]
fn what_cannot_be_an_item_is_refused_and_changes_nothing() {
    let (_folder, lists) = lists();
    let long = "y".repeat(129);
    let bad =
        [item(""), item(&long), item(" \u{200b}"), regex("([a-"), regex("(?=x)"), regex("(\\w{90}){90}")];
    for bad in bad {
        let refused = lists.add("words", vec![item("good"), bad.clone()]);
        let Err(ListError::Field { field, .. }) = refused else { panic!("{bad:?} is taken") };
        assert_eq!(field, "blocklistItems[1].text");
    }
    assert!(lists.list("words").unwrap().items().is_empty());
    for name in ["", "bad name!", "ü", &"n".repeat(65)] {
        assert!(matches!(lists.put(name, Change::default()), Err(ListError::Name)), "{name}");
    }
    assert!(matches!(lists.add("other", vec![item("x")]), Err(ListError::UnknownList)));
    let many = (0..=MAX_ITEMS).map(|number| item(&format!("w{number}"))).collect();
    assert!(matches!(lists.add("words", many), Err(ListError::Field { .. })));
}
