use std::sync::mpsc;

use wisdom_core::random::ManualRandom;

use super::*;

fn service(permits: usize, queue: usize) -> Passwords {
    let params = PasswordParams::insecure_for_tests()
        .concurrency(permits, queue)
        .unwrap();
    Passwords::new(params, Arc::new(ManualRandom::new(1))).unwrap()
}

fn text(password: &str) -> SecretText {
    SecretText::from(password.to_owned())
}

#[tokio::test]
async fn the_right_password_verifies_and_no_other() {
    let passwords = service(2, 8);
    let phc = passwords.hash(text("correct horse")).await.unwrap();
    let good = passwords
        .verify(text("correct horse"), Some(phc.clone()))
        .await
        .unwrap();
    assert_eq!(
        good,
        Verified {
            ok: true,
            needs_rehash: false
        }
    );
    for wrong in [
        "",
        "correct hors",
        "correct horse ",
        " correct horse",
        "Correct horse",
        "correct horse\0",
    ] {
        assert!(
            !passwords.verify(text(wrong), Some(phc.clone())).await.unwrap().ok,
            "{wrong:?}"
        );
    }
    assert_ne!(
        phc,
        passwords.hash(text("correct horse")).await.unwrap(),
        "each hash has a salt of its own"
    );
}

#[tokio::test]
async fn the_last_character_of_a_long_password_counts() {
    let passwords = service(2, 8);
    for length in [15, 72, 73, 128, 512] {
        let (one, other) = (
            format!("{}a", "x".repeat(length - 1)),
            format!("{}b", "x".repeat(length - 1)),
        );
        let phc = passwords.hash(text(&one)).await.unwrap();
        assert!(passwords.verify(text(&one), Some(phc.clone())).await.unwrap().ok);
        assert!(
            !passwords.verify(text(&other), Some(phc)).await.unwrap().ok,
            "{length}"
        );
    }
}

#[tokio::test]
async fn unicode_forms_of_one_password_are_one() {
    let passwords = service(2, 8);
    let phc = passwords.hash(text("ﬁne café password")).await.unwrap();
    assert!(
        passwords
            .verify(text("fine cafe\u{301} password"), Some(phc))
            .await
            .unwrap()
            .ok
    );
}

#[tokio::test]
async fn nobody_is_the_decoy_and_broken_hashes_let_nobody_in() {
    let passwords = service(2, 8);
    let nobody = Verified {
        ok: false,
        needs_rehash: false,
    };
    for phc in [
        None,
        Some(String::new()),
        Some("$argon2id$v=19$m=4294967295,t=2,p=1$AAAAAAAAAAA$AAAA".to_owned()),
    ] {
        assert_eq!(passwords.verify(text(""), phc).await.unwrap(), nobody);
    }
    let empty = passwords.hash(text("")).await.unwrap();
    let huge = text(&"x".repeat(MAX_BYTES + 1));
    assert_eq!(
        passwords.verify(huge, Some(empty)).await.unwrap(),
        nobody,
        "too long is not the empty password"
    );
}

#[tokio::test]
async fn an_older_cost_verifies_and_asks_for_a_rehash() {
    let old = service(1, 1).hash(text("correct horse")).await.unwrap();
    let raised = Passwords::new(PasswordParams::default(), Arc::new(ManualRandom::new(2))).unwrap();
    let right = raised
        .verify(text("correct horse"), Some(old.clone()))
        .await
        .unwrap();
    assert_eq!(
        right,
        Verified {
            ok: true,
            needs_rehash: true
        }
    );
    let wrong = raised.verify(text("wrong horse"), Some(old)).await.unwrap();
    assert_eq!(
        wrong,
        Verified {
            ok: false,
            needs_rehash: false
        }
    );
}

#[tokio::test]
async fn whoever_comes_beyond_the_queue_is_told_to_come_back() {
    let passwords = Arc::new(service(1, 1));
    let (release, blocked) = mpsc::channel::<()>();
    let first = Arc::clone(&passwords);
    let running = tokio::spawn(async move { first.off_thread(move || blocked.recv()).await });
    while passwords.running.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    let second = Arc::clone(&passwords);
    let waiting = tokio::spawn(async move { second.hash(text("waits")).await });
    while passwords.admitted.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    let refused = passwords.hash(text("too many")).await.unwrap_err();
    assert!(matches!(refused, HashingError::Busy { retry_after } if retry_after == RETRY_AFTER));
    release.send(()).unwrap();
    running.await.unwrap().unwrap().unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(
        (
            passwords.running.available_permits(),
            passwords.admitted.available_permits()
        ),
        (1, 2)
    );
}

#[tokio::test]
async fn a_caller_that_goes_away_frees_nothing_while_its_hash_runs() {
    let passwords = Arc::new(service(1, 0));
    let (release, blocked) = mpsc::channel::<()>();
    let (done, finished) = tokio::sync::oneshot::channel();
    let caller = Arc::clone(&passwords);
    let task = tokio::spawn(async move {
        let work = move || {
            let _ = blocked.recv();
            let _ = done.send(());
        };
        caller.off_thread(work).await
    });
    while passwords.running.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert!(matches!(
        passwords.hash(text("next")).await,
        Err(HashingError::Busy { .. })
    ));
    release.send(()).unwrap();
    finished.await.unwrap();
    while passwords.admitted.available_permits() == 0 {
        tokio::task::yield_now().await;
    }
    passwords.hash(text("next")).await.unwrap();
}

#[tokio::test]
async fn a_caller_that_goes_away_while_waiting_gives_its_place_back() {
    let passwords = Arc::new(service(1, 1));
    let held = Arc::clone(&passwords.running).acquire_owned().await.unwrap();
    let waiting = Arc::clone(&passwords);
    let task = tokio::spawn(async move { waiting.hash(text("waits")).await });
    while passwords.admitted.available_permits() == 2 {
        tokio::task::yield_now().await;
    }
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(passwords.admitted.available_permits(), 2);
    drop(held);
    assert_eq!(passwords.running.available_permits(), 1);
}

fn peppers(ids: &[&str]) -> Peppers {
    let keys = ids
        .iter()
        .map(|id| ((*id).to_owned(), SecretText::from(format!("{id:-<32}"))));
    Peppers::new(keys).unwrap()
}

#[tokio::test]
async fn a_pepper_is_part_of_the_hash_and_rotates_by_id() {
    let plain = service(2, 8);
    let first = service(2, 8).peppered(peppers(&["k1"]));
    let rotated = service(2, 8).peppered(peppers(&["k2", "k1"]));
    let gone = service(2, 8).peppered(peppers(&["k2"]));
    let word = || text("violet harbour seven lanterns");
    let old = plain.hash(word()).await.unwrap();
    let under_first = first.hash(word()).await.unwrap();
    assert!(under_first.starts_with("pepper:k1:$argon2id$"), "{under_first}");
    let check = async |service: &Passwords, hash: &str| {
        let verified = service.verify(word(), Some(hash.to_owned())).await.unwrap();
        (verified.ok, verified.needs_rehash)
    };
    assert_eq!(check(&first, &under_first).await, (true, false));
    assert_eq!(
        check(&first, &old).await,
        (true, true),
        "made before there was a pepper"
    );
    assert_eq!(check(&rotated, &under_first).await, (true, true));
    assert_eq!(check(&gone, &under_first).await, (false, false));
    assert_eq!(check(&plain, &under_first).await, (false, false));
    let moved = under_first.replace("pepper:k1:", "");
    assert_eq!(
        check(&first, &moved).await,
        (false, false),
        "the mark cannot be taken off"
    );
    let fresh = rotated.hash(word()).await.unwrap();
    assert!(fresh.starts_with("pepper:k2:"), "{fresh}");
}

#[tokio::test]
async fn imported_hashes_verify_and_are_to_be_made_again() {
    let passwords = service(2, 8).peppered(peppers(&["k1"]));
    for hash in [
        "$2b$04$abcdefghijklmnopqrstuu3SFdFhSVnshMEpTN2dmv4xyeXJebAJO",
        "$scrypt$ln=10,r=8,p=1$c29tZXNhbHRzb21lc2FsdA$0KMxVnmwW6eS4CCgYhldAzJuQ0pLFiOE7XGs3KilX/8",
        "$pbkdf2$1000$c29tZXNhbHRzb21lc2FsdA$kRSjFa/wk9ucuhYo9WeCwAGIZyo",
    ] {
        let right = passwords
            .verify(text("violet harbour seven lanterns"), Some(hash.to_owned()))
            .await
            .unwrap();
        assert_eq!((right.ok, right.needs_rehash), (true, true), "{hash}");
        let wrong = passwords
            .verify(text("violet harbour seven lantern"), Some(hash.to_owned()))
            .await
            .unwrap();
        assert_eq!((wrong.ok, wrong.needs_rehash), (false, false), "{hash}");
        assert!(passwords.can_verify(hash) && !passwords.can_verify(&format!("pepper:k1:{hash}")));
    }
}
