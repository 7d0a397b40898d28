use crate::cli::tests::Bench;

/// What a node knows that does not run: the contact list; of the rest it says why not.
#[tokio::test]
async fn without_a_node_only_what_is_stored_is_told() {
    let bench = Bench::new();
    bench.ok("user add taro --no-password", "").await;
    assert_eq!(bench.json("user contacts taro").await["total"], 0);
    for line in ["user sessions taro", "user presence taro", "user end-session taro 1-0", "presence taro taro"] {
        let said = bench.fails(line, "").await;
        assert!(said.contains("does not run"), "{line}: {said}");
    }
    assert_eq!(bench.json("user rename taro jiro").await["address"], "jiro@example.com");
    assert!(bench.fails("user rename jiro JIRO", "").await.contains("already"));
    bench.ok("user rename jiro taro", "").await;
    assert!(bench.fails("presence taro nobody", "").await.contains("nobody"));
    assert!(bench.fails("user contacts nobody", "").await.contains("nobody"));
}
