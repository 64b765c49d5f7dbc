//! Delivered, opened, signed for; and who may see it.

use hub_proto::channels::DeliveryReceipt;

use super::*;

async fn rows(client: &Client, name: &str) -> Vec<DeliveryReceipt> {
    client.channels().delivery_receipts(name).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn delivered_opened_and_signed_with_times_and_officers() {
    let mut world = World::start().await;
    let sent = publish(&world.clerk("finance"), addressed(&["tax"], "协查")).await;
    let untouched = rows(&world.clerk("finance"), &sent.name).await;
    let empty = DeliveryReceipt {
        recipient: "agencies/tax".into(),
        ..DeliveryReceipt::default()
    };
    assert_eq!(untouched, [empty]);

    let clerk = world.clerk("tax");
    let (all, cursor) = backlog(&mut subscribe(&clerk, &[])).await;
    assert_eq!(all.len(), 1);
    let acknowledged = clerk.channels().acknowledge("oa", &cursor).await.unwrap();
    let acknowledged_at = acknowledged.response.receipt.unwrap().recorded_at;
    let opened = clerk
        .channels()
        .open(&sent.name, None)
        .await
        .unwrap()
        .response;
    assert_eq!(opened.notification.unwrap(), sent);
    let opened_at = opened.receipt.clone().unwrap().recorded_at;
    // A clerk opens, and cannot sign; the leader signs.
    let refused = clerk.channels().sign_for(&sent.name, None).await;
    assert_eq!(reason(refused), Reason::PermissionDenied);
    let leader_api = leader(&world, "tax").channels();
    let signed = leader_api
        .sign_for(&sent.name, None)
        .await
        .unwrap()
        .response;

    // Nothing that comes later replaces the first.
    let again = leader_api.open(&sent.name, None).await.unwrap().response;
    assert_eq!(again.receipt, opened.receipt);
    let second = world.client("tax", "tax-leader-2", &["leader"]).channels();
    let again = second.sign_for(&sent.name, None).await.unwrap().response;
    assert_eq!(again, signed);
    clerk
        .channels()
        .acknowledge("archive", &cursor)
        .await
        .unwrap();

    let expected = DeliveryReceipt {
        recipient: "agencies/tax".into(),
        delivered_at: acknowledged_at,
        delivered_to: "oa".into(),
        opened_at,
        opened_by: "tax-clerk-1".into(),
        signed_for_at: signed.receipt.as_ref().unwrap().recorded_at,
        signed_for_by: "tax-leader-1".into(),
        signed_for_receipt: signed.receipt.clone(),
        ..DeliveryReceipt::default()
    };
    for _ in 0..2 {
        assert_eq!(
            rows(&world.clerk("finance"), &sent.name).await,
            std::slice::from_ref(&expected)
        );
        assert_eq!(
            rows(&world.clerk("tax"), &sent.name).await,
            std::slice::from_ref(&expected)
        );
        world.stop().await;
        std::fs::remove_dir_all(world.site.data_dir().join("state")).unwrap();
        world.restart().await;
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn author_and_office_see_every_row_and_a_recipient_its_own() {
    let world = World::start().await;
    let draft = filled(
        NotificationDraft::to_channel("joint-enforcement").category("coordination"),
        "联合检查",
    );
    let name = publish(&world.clerk("tax"), draft).await.name;
    for agency in ["health", "education"] {
        leader(&world, agency)
            .channels()
            .sign_for(&name, None)
            .await
            .unwrap();
    }
    let of_author = rows(&world.clerk("tax"), &name).await;
    let recipients: Vec<_> = of_author.iter().map(|row| row.recipient.as_str()).collect();
    assert_eq!(recipients.len(), 12, "thirteen members without the author");
    assert_eq!(
        recipients[0], "agencies/civil-affairs",
        "the charter's order"
    );
    let signed: Vec<_> = of_author
        .iter()
        .filter(|row| row.signed_for_at.is_some())
        .map(|row| row.recipient.as_str())
        .collect();
    assert_eq!(signed, ["agencies/education", "agencies/health"]);
    let of_office = rows(
        &world.client("civil-affairs", "office-1", &["office"]),
        &name,
    )
    .await;
    assert_eq!(of_office, of_author);
    let of_health = rows(&world.clerk("health"), &name).await;
    let own: Vec<_> = of_health.iter().map(|row| row.recipient.as_str()).collect();
    assert_eq!(own, ["agencies/health"]);
    let clerk = rows(&world.clerk("civil-affairs"), &name).await;
    assert_eq!(clerk.len(), 1, "a clerk of the host is not the office");
    let outside = world.clerk("finance").channels();
    assert_eq!(
        reason(outside.delivery_receipts(&name).await),
        Reason::NotFound
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_of_an_addressed_one_are_the_authors_and_each_addressees_own() {
    let world = World::start().await;
    let sent = publish(&world.clerk("finance"), addressed(&["tax", "health"], "x")).await;
    leader(&world, "health")
        .channels()
        .sign_for(&sent.name, None)
        .await
        .unwrap();
    assert_eq!(rows(&world.clerk("finance"), &sent.name).await.len(), 2);
    let tax = rows(&world.clerk("tax"), &sent.name).await;
    assert_eq!(tax.len(), 1);
    assert_eq!(
        (tax[0].recipient.as_str(), &tax[0].signed_for_at),
        ("agencies/tax", &None)
    );
    for outside in [office(&world), world.clerk("education")] {
        let refused = outside.channels().delivery_receipts(&sent.name).await;
        assert_eq!(reason(refused), Reason::NotFound);
        let refused = outside.channels().open(&sent.name, None).await;
        assert_eq!(reason(refused), Reason::NotFound);
    }
    // Nobody acts in another's name, and the author is no recipient of its own.
    let refused = leader(&world, "tax")
        .channels()
        .sign_for(&sent.name, Some("agencies/health"))
        .await;
    assert_eq!(reason(refused), Reason::PermissionDenied);
    let refused = leader(&world, "finance")
        .channels()
        .sign_for(&sent.name, None)
        .await;
    assert_eq!(fields(refused), ["recipient"]);
}
