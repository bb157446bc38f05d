//! Statements of real clients, and hostile ones.

use super::*;

fn class_of(sql: &str) -> String {
    match parse(sql) {
        Ok(statement) => statement.kind().to_owned(),
        Err(error) => error.class,
    }
}

/// Every statement shape of the clients: the kind it is, or the class it is refused with.
const SHAPES: &[(&str, &str)] = &[
    ("select 1 as id", "SELECT"),
    ("/* {\"app\":\"dbt\"} */\n-- x\nselect 1 as id ; ", "SELECT"),
    ("USE CATALOG `c`", "USE"),
    ("use `c`.`s`", "USE"),
    ("USE SCHEMA s", "USE"),
    ("SELECT current_catalog()", "SELECT"),
    ("SHOW CATALOGS", "SHOW"),
    ("SHOW CATALOGS LIKE 'm*'", "SHOW"),
    ("SHOW SCHEMAS", "SHOW"),
    ("SHOW SCHEMAS IN `c` LIKE 's'", "SHOW"),
    ("SHOW SCHEMAS IN `main` LIKE 'd*'", "SHOW"),
    ("SHOW SCHEMAS IN ALL CATALOGS", "SHOW"),
    ("SHOW TABLES", "SHOW"),
    ("SHOW TABLES IN s", "SHOW"),
    ("SHOW TABLES FROM `c`.`s`", "SHOW"),
    ("SHOW TABLES IN CATALOG main SCHEMA LIKE 'x' LIKE 'y'", "SHOW"),
    ("SHOW TABLES IN CATALOG `main` SCHEMA LIKE 'x*' LIKE 'y*'", "SHOW"),
    ("SHOW TABLES IN ALL CATALOGS SCHEMA LIKE 'x' LIKE 'y'", "SHOW"),
    ("SHOW TABLES IN ALL CATALOGS", "SHOW"),
    ("SHOW COLUMNS IN CATALOG main SCHEMA LIKE 's' TABLE LIKE 't' LIKE '%'", "SHOW"),
    ("SHOW COLUMNS IN ALL CATALOGS SCHEMA LIKE 's' TABLE LIKE 't' LIKE '*'", "SHOW"),
    ("SHOW COLUMNS IN t IN s", "SHOW"),
    ("SHOW COLUMNS IN c.s.t", "SHOW"),
    ("SHOW KEYS IN CATALOG `c` IN SCHEMA `s` IN TABLE `t`", "SHOW"),
    ("SHOW FOREIGN KEYS IN CATALOG `c` IN SCHEMA `s` IN TABLE `t`", "SHOW"),
    ("SHOW FUNCTIONS IN CATALOG c SCHEMA LIKE 's' LIKE 'f'", "SHOW"),
    ("SHOW USER FUNCTIONS IN c.s", "SHOW"),
    ("SHOW VIEWS FROM `c`.`s`", "SHOW"),
    ("SHOW TABLE EXTENDED IN s LIKE 'a|b'", "SHOW"),
    ("SHOW TBLPROPERTIES t", "SHOW"),
    ("SHOW TBLPROPERTIES t ('delta.x')", "SHOW"),
    ("SHOW CREATE TABLE t", "SHOW"),
    ("SHOW VOLUMES IN main.default", "SHOW"),
    ("show grants on t", "SHOW"),
    ("SHOW GRANTS `a@b.c` ON SCHEMA main.s", "SHOW"),
    ("SHOW GRANTS ON METASTORE", "SHOW"),
    ("create schema if not exists `c`.`s`", "CREATE"),
    (
        "CREATE SCHEMA s COMMENT 'x' MANAGED LOCATION 's3://b/p' WITH DBPROPERTIES (a='b', c.d = 1)",
        "CREATE",
    ),
    ("CREATE CATALOG IF NOT EXISTS c COMMENT 'it\\'s'", "CREATE"),
    ("drop schema if exists `c`.`s` cascade", "DROP"),
    ("DROP CATALOG c RESTRICT", "DROP"),
    ("ALTER SCHEMA s SET OWNER TO `g`", "ALTER"),
    ("ALTER CATALOG c OWNER TO 'me@x.y'", "ALTER"),
    ("DESCRIBE TABLE t", "DESCRIBE"),
    ("DESCRIBE TABLE EXTENDED `c`.`s`.`t`", "DESCRIBE"),
    ("DESCRIBE TABLE EXTENDED t AS JSON", "DESCRIBE"),
    ("DESC t col", "DESCRIBE"),
    ("DESCRIBE HISTORY t LIMIT 1", "DESCRIBE"),
    ("DESCRIBE DETAIL t", "DESCRIBE"),
    ("DESCRIBE SELECT 1", "DESCRIBE"),
    ("DESCRIBE QUERY SELECT 1", "DESCRIBE"),
    ("DESCRIBE CATALOG EXTENDED main", "DESCRIBE"),
    ("DESCRIBE SCHEMA EXTENDED main.default", "DESCRIBE"),
    ("DESCRIBE VOLUME c.s.v", "DESCRIBE"),
    ("DESCRIBE FUNCTION EXTENDED f", "DESCRIBE"),
    ("EXPLAIN SELECT 1", "EXPLAIN"),
    ("EXPLAIN EXTENDED SELECT 1", "EXPLAIN"),
    ("EXPLAIN FORMATTED INSERT INTO t SELECT 1", "EXPLAIN"),
    (
        "create table t (a int not null comment 'x', b decimal(10,2), c struct<x: int, y: array<map<string, bigint>>>, constraint pk primary key (a) rely) using delta partitioned by (a) tblproperties ('delta.feature.allowColumnDefaults' = 'enabled')",
        "CREATE",
    ),
    (
        "create or replace table t using delta partitioned by (a, b) comment 'x' tblproperties ('a'='b') as select 1 as a, 2 as b",
        "CREATE",
    ),
    (
        "create or replace table t using delta cluster by auto location 's3://x/y' as (select 1 a)",
        "CREATE",
    ),
    ("create table t (a int) cluster by (a)", "CREATE"),
    ("CREATE TABLE t AS WITH x AS (SELECT 1 a) SELECT * FROM x", "CREATE"),
    ("create table t (id bigint generated always as identity)", "CREATE"),
    (
        "create table t (a int, b int generated always as (a + 1), c timestamp_ntz default current_timestamp())",
        "CREATE",
    ),
    ("create table t (a int primary key, b int references p(a))", "CREATE"),
    ("create table t using delta with row filter f on (a) as select 1 a", "UNSUPPORTED_FEATURE"),
    ("create table t clustered by (a) into 4 buckets as select 1 a", "UNSUPPORTED_FEATURE"),
    ("create or replace temporary view tmp as select 1", "CREATE"),
    (
        "create or replace view v (col comment 'x') comment 'c' tblproperties ('a'='b') as (select 1)",
        "CREATE",
    ),
    ("create or replace view v with metrics language yaml as $$x$$", "UNSUPPORTED_FEATURE"),
    ("alter view v as (select 2)", "ALTER"),
    ("insert into t by name select * from tmp", "INSERT"),
    ("insert into table t (a, b) values (1, 'x'), (2, cast('y' as string))", "INSERT"),
    ("insert into t (select 1)", "INSERT"),
    ("insert overwrite table t partition (p = 1, q) by name select 1", "INSERT"),
    ("insert overwrite into t values (1)", "INSERT"),
    ("insert into t table tmp", "INSERT"),
    ("insert into table t as t replace on (t.p <=> s.p) (select 1 as p) as s", "INSERT"),
    (
        "insert into t by name replace where cast(ts as TIMESTAMP) >= '2020' and x < 3 table tmp",
        "INSERT",
    ),
    ("insert into t replace using (a, b) select 1, 2", "INSERT"),
    ("update t as x set a = 1, x.b = b + 1 where a in (select 1)", "UPDATE"),
    ("delete from t where exists (select 1 from s where s.a = t.a)", "DELETE"),
    ("delete from t", "DELETE"),
    ("truncate table t", "DELETE"),
    (
        "merge with schema evolution into t as DBT_INTERNAL_DEST using s as DBT_INTERNAL_SOURCE on DBT_INTERNAL_DEST.k <=> DBT_INTERNAL_SOURCE.k and 1 = 1 when matched and x > 1 then update set * when not matched then insert * when not matched by source and y then delete",
        "MERGE",
    ),
    (
        "merge into t using (select 1 as k) s on t.k = s.k when matched then update set t.a = s.k, b = 2 when matched then delete when not matched by target then insert (k, a) values (s.k, 1)",
        "MERGE",
    ),
    ("set spark.sql.sources.partitionOverwriteMode = DYNAMIC", "SET"),
    ("SET spark.databricks.clusterUsageTags.sparkVersion", "SET"),
    ("SET", "SET"),
    ("SET TIME ZONE 'America/New_York'", "SET"),
    ("SET ansi_mode = false", "SET"),
    ("RESET", "SET"),
    ("RESET ansi_mode", "SET"),
    ("grant select on table t to `x`", "GRANT"),
    ("GRANT USE CATALOG, CREATE SCHEMA ON CATALOG main TO `data engineers`", "GRANT"),
    ("GRANT ALL PRIVILEGES ON VOLUME c.s.v TO 'x'", "GRANT"),
    ("revoke select on t from `x`", "REVOKE"),
    ("comment on table t is 'it''s'", "ALTER"),
    ("comment on view v is null", "ALTER"),
    ("comment on column c.s.t.`x` is 'y'", "ALTER"),
    ("alter table t change column x comment 'y'", "ALTER"),
    ("alter table t alter column x comment 'y'", "ALTER"),
    ("alter table t add constraint n check (a > 0)", "ALTER"),
    ("alter table t add constraint n primary key (a, b) rely", "ALTER"),
    ("alter table t add constraint n foreign key (a) references p (a)", "ALTER"),
    ("alter table t drop constraint if exists n cascade", "ALTER"),
    ("alter table t change column c set not null", "ALTER"),
    ("alter table t alter column c drop not null", "ALTER"),
    ("alter table t set tags ('a' = 'b', 'c')", "ALTER"),
    ("ALTER TABLE t ALTER COLUMN `c` SET TAGS ('a' = 'b')", "ALTER"),
    ("ALTER VIEW v UNSET TAGS ('a', 'b')", "ALTER"),
    ("ALTER SCHEMA main.s SET TAGS ('a' = '')", "ALTER"),
    ("ALTER TABLE t SET TAGS (a = 'b')", "PARSE_SYNTAX_ERROR"),
    ("CACHE LAZY TABLE t OPTIONS ('storageLevel' = 'DISK_ONLY')", "OTHER"),
    ("CACHE SELECT * FROM t", "UNSUPPORTED_FEATURE"),
    ("UNCACHE TABLE IF EXISTS t", "OTHER"),
    ("insert into t by name replace where d >= 1 table tmp", "INSERT"),
    ("alter table t alter column c set mask f", "UNSUPPORTED_FEATURE"),
    ("alter table t set row filter f on (a)", "UNSUPPORTED_FEATURE"),
    ("alter table t drop row filter", "UNSUPPORTED_FEATURE"),
    ("alter table t set tblproperties ('a' = 'b')", "ALTER"),
    ("alter table t unset tblproperties if exists ('a')", "ALTER"),
    ("alter table t cluster by none", "ALTER"),
    ("alter table t add columns (a int, b string comment 'x')", "ALTER"),
    ("alter table t add column a int", "ALTER"),
    ("alter table t drop columns (a, b)", "ALTER"),
    ("alter table t alter column c type bigint", "ALTER"),
    ("alter table t rename to c.s.u", "ALTER"),
    ("alter table t rename column a to b", "ALTER"),
    ("optimize t", "OPTIMIZE"),
    ("OPTIMIZE t WHERE p = 1 ZORDER BY (a, b)", "OPTIMIZE"),
    ("VACUUM t RETAIN 168 HOURS DRY RUN", "VACUUM"),
    ("RESTORE TABLE t TO VERSION AS OF 3", "RESTORE"),
    ("RESTORE t TO TIMESTAMP AS OF '2024-01-01'", "RESTORE"),
    ("create or replace table a shallow clone b", "CREATE"),
    ("create or refresh streaming table s as select 1", "CREATE"),
    ("refresh streaming table s", "OTHER"),
    ("create materialized view m as select 1", "CREATE"),
    ("refresh materialized view m", "OTHER"),
    ("alter materialized view m add schedule cron 'x'", "UNSUPPORTED_FEATURE"),
    ("create or replace function c.s.f(x int) returns int language sql return x + 1", "CREATE"),
    (
        "create function f(x int default 1) returns string language python as $$ return 'x' $$",
        "CREATE",
    ),
    (
        "copy into t from '/Volumes/a/b/c/' fileformat = csv format_options ('header' = 'true', 'inferSchema' = 'true') copy_options ('mergeSchema' = 'true')",
        "COPY",
    ),
    (
        "copy into t from (select a::int, _metadata.file_path as f from 's3://b/p') fileformat = PARQUET files = ('a', 'b')",
        "COPY",
    ),
    ("copy into t from 's3://b/p' fileformat = json pattern = '*.json'", "COPY"),
    ("drop table if exists c.s.t", "DROP"),
    ("drop view if exists v", "DROP"),
    ("drop materialized view if exists v", "DROP"),
    ("drop volume c.s.v", "DROP"),
    ("drop function if exists f", "DROP"),
    ("CREATE VOLUME c.s.v COMMENT 'x'", "CREATE"),
    ("CREATE EXTERNAL VOLUME c.s.v LOCATION 's3://b/x'", "CREATE"),
    ("LIST '/Volumes/c/s/v' LIMIT 10", "SHOW"),
    ("CALL biplane.generate_tpch('0.1')", "OTHER"),
    ("REFRESH TABLE t", "OTHER"),
    ("ANALYZE TABLE t COMPUTE STATISTICS FOR ALL COLUMNS", "OTHER"),
    ("select * from t version as of 3", "SELECT"),
    ("select * from t timestamp as of '2024-01-01' as x", "SELECT"),
    ("select * from t@v3", "SELECT"),
    ("select * from parquet.`/Volumes/a/b/c/*.parquet`", "SELECT"),
    ("select * from read_files('/Volumes/a', format => 'csv', header => true)", "SELECT"),
    ("select * from (select 1 a) as __dbt_sbq where false limit 0", "SELECT"),
    ("select :x, ?, :`y`", "SELECT"),
    ("select 'it\\'s', \"double\", r'\\d+', 'a' 'b'", "SELECT"),
    ("select * from identifier('a.b' || '.c')", "SELECT"),
    ("with a as (select 1 x) select * from a tablesample (10 percent)", "SELECT"),
    ("select a.* except (b) from a", "SELECT"),
    ("select sum(a) filter (where b) over w from t window w as (partition by c)", "SELECT"),
    ("select * from t lateral view explode(x) e as y", "SELECT"),
    ("select x -> 1", "SELECT"),
    (
        "select transform(a, x -> x + 1), cast(a as array<struct<b: int>>), a::decimal(10,2)",
        "SELECT",
    ),
    ("select a from t group by all order by all", "SELECT"),
    ("select a from t qualify row_number() over (partition by a order by b) = 1", "SELECT"),
    ("select * from a left semi join b on a.x = b.x left anti join c using (x)", "SELECT"),
    (
        "select date '2020-01-01' + interval 1 day, interval '1' month, timestamp '2020-01-01 00:00:00'",
        "SELECT",
    ),
    (
        "select case when a then 1 else 2 end, a ilike 'x%', a rlike 'y', a <=> b, a div b, a % b",
        "SELECT",
    ),
    ("", "PARSE_SYNTAX_ERROR"),
    (" -- nothing\n ;;", "PARSE_SYNTAX_ERROR"),
    ("select 1; select 2", "PARSE_SYNTAX_ERROR"),
    ("selec 1", "PARSE_SYNTAX_ERROR"),
    ("select 1 from", "PARSE_SYNTAX_ERROR"),
    ("select 'open", "PARSE_SYNTAX_ERROR"),
    ("create nonsense x", "PARSE_SYNTAX_ERROR"),
    ("drop table", "PARSE_SYNTAX_ERROR"),
    ("drop table a.b.c.d", "IDENTIFIER_TOO_MANY_NAME_PARTS"),
    ("drop table ``", "INVALID_IDENTIFIER"),
    ("drop table `a\u{0}b`", "INVALID_IDENTIFIER"),
    ("create table t (a nosuchtype)", "UNSUPPORTED_DATATYPE"),
    ("create table t (a decimal(39,1))", "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION"),
    ("declare variable x int", "OTHER"),
    ("begin select 1; end", "OTHER"),
    ("undrop table t", "UNSUPPORTED_FEATURE"),
    ("put 'a' into 'b'", "UNSUPPORTED_FEATURE"),
    ("insert into t", "PARSE_SYNTAX_ERROR"),
    ("merge into t using s on a = b", "PARSE_SYNTAX_ERROR"),
];

#[test]
fn every_shape_of_the_clients_is_read_or_cleanly_refused() {
    let wrong: Vec<String> = SHAPES
        .iter()
        .filter(|(sql, expected)| class_of(sql) != *expected)
        .map(|(sql, expected)| {
            format!("{sql}\n  expected {expected}, got {} {:?}", class_of(sql), parse(sql).err())
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_error_knows_its_place() {
    let error = parse("select 1,\n  from t where").unwrap_err();
    assert_eq!(error.class, "PARSE_SYNTAX_ERROR");
    assert!(error.line == 2, "{error}");
    let error = parse("selec 1").unwrap_err();
    assert_eq!((error.line, error.column), (1, 1));
    assert!(error.to_string().contains("at or near 'selec'"), "{error}");
}

#[test]
fn the_text_of_a_query_is_kept() {
    let sql = "create view v as select 'é😀', a -- c\n from t ;";
    let Statement::CreateView(view) = parse(sql).unwrap() else { unreachable!() };
    assert_eq!(view.query.text, "select 'é😀', a -- c\n from t");
}

#[test]
fn details_are_read() {
    let Statement::Insert(insert) = parse("insert into c.s.t (a, `b c`) select 1, 2").unwrap()
    else {
        unreachable!()
    };
    assert_eq!(insert.columns, ["a", "b c"]);
    let Statement::CopyInto(copy) =
        parse("copy into t from (select a from 's3://b/p') fileformat = csv").unwrap()
    else {
        unreachable!()
    };
    assert_eq!(copy.path, "s3://b/p");
    assert!(copy.projection.unwrap().query.to_string().contains(COPY_SOURCE));
    let Statement::Grant(grant) =
        parse("grant use schema, all privileges on schema s to `a b`").unwrap()
    else {
        unreachable!()
    };
    assert_eq!(grant.privileges, ["USE_SCHEMA", "ALL_PRIVILEGES"]);
    assert_eq!(
        parse_type("array<map<string,struct<a:int,b:array<decimal(5,2)>>>>").unwrap(),
        SqlType::Array(Box::new(SqlType::Map(
            Box::new(SqlType::String),
            Box::new(SqlType::Struct(vec![
                SqlField {
                    name: "a".into(),
                    sql_type: SqlType::Int,
                    nullable: true,
                    comment: None
                },
                SqlField {
                    name: "b".into(),
                    sql_type: SqlType::Array(Box::new(SqlType::Decimal(5, 2))),
                    nullable: true,
                    comment: None
                },
            ]))
        )))
    );
}

#[test]
fn hostile_text_is_refused_quickly() {
    let deep = |open: &str, close: &str, n: usize| {
        format!("select {}1{}", open.repeat(n), close.repeat(n))
    };
    let mut texts = vec![
        deep("(", ")", 50_000),
        deep("f(", ")", 50_000),
        deep("-", "", 50_000),
        deep("not ", "", 50_000),
        deep("case when ", " then 1 end", 5_000),
        format!("select 1{}", " + 1".repeat(100_000)),
        format!("select 1{}", " union all select 1".repeat(5_000)),
        format!("select 1{}", " minus select 1".repeat(5_000)),
        format!("from t{}", " minus from t".repeat(50_000)),
        "from t where a;".repeat(50_000),
        format!("select {}", "(1) from ".repeat(50_000)),
        format!("from t{}", " |> as t".repeat(50_000)),
        format!("from t |> set {}", vec!["a = 1"; 50_000].join(",")),
        format!("select 1 from t{}", " lateral view explode(a) v as x".repeat(5_000)),
        format!("select * from t{}", " pivot (sum(a) for b in (1))".repeat(5_000)),
        format!("select * from {}t{}", "(".repeat(90), ")".repeat(90)),
        format!("select * from {}select 1{}", "(".repeat(90), ")".repeat(90)),
        format!("{}select 1", "explain ".repeat(10_000)),
        format!("create table t (a {}int{})", "array<".repeat(10_000), ">".repeat(10_000)),
        format!("select '{}", "x".repeat(100_000)),
        format!("{}1{}", "(".repeat(100), ")".repeat(100)),
        "\u{0}".repeat(1_000),
        "\u{202e}select".to_owned(),
        "select `".to_owned(),
        "/* open".to_owned(),
        "select identifier('a'||'b.')".to_owned(),
    ];
    texts.push("x".repeat(STATEMENT_BYTES_MAX + 1));
    for text in texts {
        let begun = std::time::Instant::now();
        let short: String = text.chars().take(60).collect();
        let thread = std::thread::Builder::new().stack_size(4 << 20);
        let done = thread.spawn(move || drop(parse(&text))).unwrap().join();
        assert!(done.is_ok(), "{short}");
        assert!(begun.elapsed().as_secs() < 10, "{short} took {:?}", begun.elapsed());
    }
}

#[test]
fn a_long_list_is_fine() {
    let values: Vec<String> = (0..50_000).map(|n| n.to_string()).collect();
    parse(&format!("select * from t where a in ({})", values.join(","))).unwrap();
}
