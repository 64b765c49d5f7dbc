//! Whom to call: liaisons of the members (JE-021), directors of the offices (JE-026).

use super::*;

/// Everyone in a mechanism finds whom to call in the others; who has named nobody shows (JE-028).
#[tokio::test(flavor = "multi_thread")]
async fn je_021_fs_014_office_and_members_see_the_directory_of_liaisons() {
    let world = World::start().await;
    let on = today(&world);
    let named = [(JOINT, "health"), (JOINT, "tax"), (FUND, "finance")];
    for (mechanism, agency) in named {
        let api = leader(&world, agency).members();
        let officer = format!("{agency}-7");
        api.appoint_liaison(appointment(mechanism, &officer, on, ""))
            .await
            .unwrap();
    }
    for client in [
        office(&world),
        world.clerk("education"),
        world.clerk("finance"),
    ] {
        for mechanism in [JOINT, FUND] {
            let rows = members(&client, mechanism, on).await;
            let found: Vec<(&str, &str)> = rows
                .iter()
                .filter_map(|row| Some((row.name.as_str(), row.liaison.as_ref()?.officer.as_str())))
                .collect();
            let mut expected: Vec<(String, String)> = named
                .iter()
                .filter(|(of, _)| *of == mechanism)
                .map(|(of, agency)| (format!("{of}/memberships/{agency}"), format!("{agency}-7")))
                .collect();
            expected.sort();
            let mut found: Vec<(String, String)> = found
                .into_iter()
                .map(|(name, officer)| (name.to_owned(), officer.to_owned()))
                .collect();
            found.sort();
            assert_eq!(found, expected, "{mechanism}");
            let without = rows.iter().filter(|row| row.liaison.is_none()).count();
            assert_eq!(without, rows.len() - expected.len(), "all others show none");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn je_026_the_director_of_the_day_is_of_the_host_and_holds_its_post() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("charter.toml");
    let text = std::fs::read_to_string(hub_tests::charter_file()).unwrap();
    let post = "director_post = \"分管副厅长\"\n";
    let directors = format!(
        "{post}directors = [{{ agency = \"civil-affairs\", officer = \"director-1\", \
         display_name = \"某甲\", post = \"分管副厅长\", from_on = 2024-05-01 }}]\n"
    );
    std::fs::write(&file, text.replace(post, &directors)).unwrap();
    let site = hub_tests::Site::with_charter(&file, "");
    let world = World::start_on(site, std::sync::Arc::new(hub::clock::SystemClock)).await;
    let api = world.clerk("tax").members();
    let on = |year, month, day| Some(jiff::civil::date(year, month, day));
    for mechanism in api.list_mechanisms(on(2024, 5, 1)).await.unwrap() {
        assert_eq!(mechanism.office_director_post, "分管副厅长");
        let director = mechanism.office_director.unwrap();
        assert_eq!(director.agency, mechanism.office_host);
        assert_eq!(
            director.officer, "director-1",
            "the same person in both offices"
        );
    }
    for mechanism in api.list_mechanisms(on(2024, 4, 30)).await.unwrap() {
        assert_eq!(mechanism.office_director, None);
    }
}
