//! Which plans are chosen: the order and sides of joins, what is computed once.

use crate::catalog;
use crate::harness::Harness;

/// A table of facts with two of dimensions, and one beside a dimension.
async fn star() -> Harness {
    let harness = catalog::start().await;
    for statement in [
        "CREATE TABLE fact AS SELECT id AS f_id, id % 100 AS f_item, id % 50 AS f_day,
             CAST(id % 7 AS INT) AS f_n FROM range(20000)",
        "CREATE TABLE item AS SELECT id AS i_id, id % 10 AS i_brand FROM range(100)",
        "CREATE TABLE day AS SELECT id AS d_id, id % 5 AS d_year FROM range(50)",
        "CREATE TABLE brand AS SELECT id AS b_id, 'b' || id AS b_name FROM range(10)",
    ] {
        harness.sql(statement).await;
    }
    harness
}

async fn plan(harness: &Harness, query: &str) -> String {
    harness.rows(&format!("EXPLAIN {query}")).await.join("\n")
}

/// The tables by the first letters of their columns, in the order of the plan: what is collected comes
/// before what streams by.
fn scans(plan: &str) -> Vec<char> {
    let scans = plan.lines().filter(|line| line.contains("DataSourceExec"));
    scans.filter_map(|line| line.split_once("projection=[")?.1.chars().next()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_stream_by() {
    let harness = star().await;
    let joins = [
        "fact JOIN item ON f_item = i_id JOIN day ON f_day = d_id JOIN brand ON i_brand = b_id",
        "brand JOIN item ON i_brand = b_id JOIN fact ON f_item = i_id JOIN day ON f_day = d_id",
        "day CROSS JOIN item, fact, brand WHERE f_item = i_id AND f_day = d_id AND i_brand = b_id",
    ];
    for join in joins {
        let and = if join.contains("WHERE") { "AND" } else { "WHERE" };
        let query = format!(
            "SELECT b_name, count(*), sum(f_id) FROM {join} {and} d_year = 3 AND i_id < 40
             GROUP BY ALL ORDER BY ALL LIMIT 2"
        );
        let shown = plan(&harness, &query).await;
        assert_eq!(scans(&shown).last(), Some(&'f'), "{shown}");
        assert_eq!(harness.rows(&query).await, ["b3|800|7974400", "b8|800|7978400"], "{join}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_smaller_side_of_other_joins_is_collected() {
    let harness = star().await;
    let queries = [
        (
            "SELECT count(*), count(d_id), sum(f_n) FROM fact LEFT JOIN day ON f_day = d_id + 25",
            "20000|10000|59997",
        ),
        (
            "SELECT count(*), count(d_id), sum(f_n) FROM day RIGHT JOIN fact ON f_day = d_id + 25",
            "20000|10000|59997",
        ),
        (
            "SELECT count(*), sum(f_n) FROM fact WHERE f_item IN (SELECT i_id FROM item WHERE i_brand = 3)",
            "2000|6002",
        ),
        (
            "SELECT count(*), sum(f_n) FROM fact WHERE NOT EXISTS (SELECT 1 FROM item WHERE i_id = f_item AND i_brand = 3)",
            "18000|53995",
        ),
    ];
    for (query, rows) in queries {
        let shown = plan(&harness, query).await;
        assert_eq!(scans(&shown).last(), Some(&'f'), "{query}: {shown}");
        assert_eq!(harness.rows(query).await, [rows], "{query}");
    }
    let columns =
        "SELECT * FROM fact LEFT JOIN day ON f_day = d_id + 25 WHERE f_id IN (3, 30) ORDER BY f_id";
    assert_eq!(harness.rows(columns).await, ["3|3|3|3|null|null", "30|30|30|2|5|0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_between_relations_stay() {
    let harness = star().await;
    let query = "SELECT count(*) FROM fact, item, day
         WHERE f_item = i_id AND f_day = d_id AND i_brand < d_year AND i_id + d_id > f_n AND 1 = 1";
    let other = "SELECT count(*) FROM fact WHERE f_item % 10 < f_day % 5 AND f_item + f_day > f_n";
    assert_eq!(harness.rows(query).await, harness.rows(other).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_named_twice_is_computed_once() {
    let harness = star().await;
    let cte = "WITH sums AS (SELECT f_item, sum(f_n) AS n FROM fact GROUP BY f_item)";
    let query =
        format!("{cte} SELECT count(*) FROM sums WHERE n > (SELECT avg(n) FROM sums) AND n < 602");
    let shown = plan(&harness, &query).await;
    assert_eq!(shown.matches("SharedExec").count(), 2, "{shown}");
    let expected = "SELECT count(*) FROM (SELECT f_item, sum(f_n) AS n FROM fact GROUP BY f_item) s
         WHERE n > 599.97 AND n < 602";
    assert_eq!(harness.rows(&query).await, harness.rows(expected).await);
    let query = format!(
        "{cte} SELECT count(*), sum(a.n) - sum(b.n) FROM sums a JOIN sums b USING (f_item)"
    );
    assert_eq!(harness.rows(&query).await, ["100|0"]);
    // What differs, or is another each time, is not the same.
    for query in [
        "SELECT sum(a) FROM VALUES (1) t(a) UNION ALL SELECT sum(a) FROM VALUES (2) t(a)",
        "SELECT sum(rand()) FROM fact UNION ALL SELECT sum(rand()) FROM fact",
        "SELECT sum(f_n) FROM fact WHERE f_id > 1 UNION ALL SELECT sum(f_n) FROM fact WHERE f_id > 2",
    ] {
        let shown = plan(&harness, query).await;
        assert!(!shown.contains("SharedExec"), "{query}: {shown}");
        let rows = harness.rows(query).await;
        assert!(rows[0] != rows[1] || query.contains("f_id"), "{query}: {rows:?}");
    }
}
