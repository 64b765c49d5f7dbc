//! Random searches, held against lists and a plain filter.

use super::*;

/// Everything that a client may see, from its lists, oldest first.
async fn all_of(client: &Client, logs: &[&str]) -> Vec<Notification> {
    let mut all: Vec<Notification> = vec![];
    for log in logs {
        let request = ListNotificationsRequest {
            parent: (*log).into(),
            page_size: 500,
            omit_bodies: true,
            ..ListNotificationsRequest::default()
        };
        let Ok(page) = client.channels().list_notifications(&request).await else {
            continue;
        };
        for one in page.notifications {
            if !all.iter().any(|known| known.name == one.name) {
                all.push(one);
            }
        }
    }
    all
}

const WORDS: [&str; 5] = ["年度", "检查", "通知", "case", "二〇二一"];
const AGENCIES: [&str; 4] = ["tax", "health", "finance", "civil-affairs"];

async fn publish_some(world: &World, random: &mut Random) {
    for _ in 0..120 {
        let title = [*random.pick(&WORDS), *random.pick(&WORDS)].join(" ");
        let from = *random.pick(&AGENCIES);
        let mut one = if random.percent(50) && from != "finance" {
            open("joint-enforcement", &title)
        } else {
            let to = *random.pick(&AGENCIES);
            addressed(&[to, "mechanisms/fund-supervision/office"], &title)
        };
        if random.percent(50) {
            one = one.subject(*random.pick(&USCC), "某会");
        }
        publish(&world.clerk(from), one).await;
    }
}

/// What is asked.
#[derive(Debug)]
struct Asked {
    word: Option<&'static str>,
    author: Option<&'static str>,
    uscc: Option<&'static str>,
    addressee: Option<&'static str>,
}

impl Asked {
    fn new(random: &mut Random) -> Self {
        Self {
            word: random.percent(60).then(|| *random.pick(&WORDS)),
            author: random.percent(40).then(|| *random.pick(&AGENCIES)),
            uscc: random.percent(30).then(|| *random.pick(&USCC)),
            addressee: random.percent(30).then(|| *random.pick(&AGENCIES)),
        }
    }

    fn query(&self) -> SearchQuery {
        let mut query = SearchQuery::new();
        if let Some(word) = self.word {
            query = query.title(word);
        }
        if let Some(author) = self.author {
            query = query.author(author);
        }
        if let Some(uscc) = self.uscc {
            query = query.uscc(uscc);
        }
        if let Some(addressee) = self.addressee {
            query = query.addressee(addressee);
        }
        query
    }

    fn matches(&self, one: &Notification) -> bool {
        let of = |id: &str| format!("agencies/{id}");
        self.word.is_none_or(|word| one.title.contains(word))
            && self.author.is_none_or(|author| one.author == of(author))
            && self
                .uscc
                .is_none_or(|uscc| one.subjects.iter().any(|had| had.uscc == uscc))
            && self
                .addressee
                .is_none_or(|id| one.addressees.contains(&of(id)))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn random_searches_find_what_lists_and_a_plain_filter_find() {
    let seed = seed();
    println!("HUB_TEST_SEED={seed}");
    let mut random = Random::new(seed);
    let world = World::start().await;
    publish_some(&world, &mut random).await;
    for round in 0..160 {
        let agency = *random.pick(&AGENCIES);
        let is_office = agency == "civil-affairs" && random.percent(50);
        let role = if is_office { "office" } else { "clerk" };
        let client = world.client(agency, &format!("{agency}-{role}-1"), &[role]);
        let inbox = format!("agencies/{agency}/inbox");
        let sent = format!("agencies/{agency}/sent");
        let logs = [
            "channels/all-members",
            "channels/joint-enforcement",
            "channels/fund-supervision",
            &inbox,
            &sent,
            "mechanisms/joint-enforcement/office/inbox",
            "mechanisms/fund-supervision/office/inbox",
        ];
        let visible = all_of(&client, &logs).await;
        let asked = Asked::new(&mut random);
        let expected: BTreeSet<String> = visible
            .into_iter()
            .filter(|one| asked.matches(one))
            .map(|one| one.name)
            .collect();
        let size = u16::try_from(1 + random.below(20)).unwrap();
        let names = names_in_pages(&client, &asked.query(), size).await;
        let what = format!("seed {seed}, round {round}, {agency} as {role}: {asked:?}");
        let unique: BTreeSet<String> = names.iter().cloned().collect();
        assert_eq!(unique, expected, "{what}");
        assert_eq!(names.len(), expected.len(), "{what}");
    }
}
