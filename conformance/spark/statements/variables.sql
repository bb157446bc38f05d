-- @setup
CREATE OR REPLACE TEMPORARY VIEW emp AS SELECT * FROM VALUES (1, 'Ada', 'eng', 120, CAST(NULL AS INT)), (2, 'Bob', 'eng', 100, 1), (3, 'Cy', 'ops', 80, 1), (4, 'Di', 'ops', 80, 3), (5, 'Ed', NULL, 60, 3), (6, 'Fay', 'hr', NULL, 1) AS t(id, name, dept, salary, boss);
-- @setup
CREATE OR REPLACE TEMPORARY VIEW dept AS SELECT * FROM VALUES ('eng', 'Berlin'), ('ops', 'Paris'), ('law', 'Rome') AS t(code, city);
-- @setup
CREATE OR REPLACE TEMPORARY VIEW sales AS SELECT * FROM VALUES (2023, 1, 'east', 100), (2023, 2, 'east', 150), (2023, 1, 'west', 50), (2024, 1, 'east', 120), (2024, 2, 'west', 70), (2024, 2, 'east', NULL) AS t(year, quarter, region, amount);
-- @setup
CREATE OR REPLACE TEMPORARY VIEW items AS SELECT * FROM VALUES (1, array(10, 20, 30), map('a', 1, 'b', 2)), (2, array(), NULL), (3, NULL, NULL), (4, array(40, NULL), map('c', 3)) AS t(id, xs, kv);
-- @setup
DECLARE OR REPLACE VARIABLE v INT DEFAULT 5;
-- @setup
DECLARE OR REPLACE VARIABLE s STRING DEFAULT 'emp';
-- @setup
DECLARE OR REPLACE VARIABLE d = 2.5;
-- @setup
DECLARE OR REPLACE VARIABLE n DATE;
-- @setup
DECLARE OR REPLACE w = 1;
SELECT v, s, d, n, w;
SELECT v + 1, session.v, system.session.v;
SELECT typeof(d), typeof(n);
SELECT id FROM emp WHERE id > v ORDER BY id;
SELECT id AS v FROM emp WHERE id = 1;
SELECT v FROM (SELECT 'column' AS v);
-- @setup
SET VAR v = 3;
SELECT v;
-- @setup
SET VARIABLE v = v + 1, s = 'dept';
SELECT v, s;
-- @setup
SET VAR v = DEFAULT;
SELECT v;
-- @setup
SET VAR v = (SELECT max(id) FROM emp);
SELECT v;
-- @setup
SET VAR (v, s) = (SELECT id, name FROM emp WHERE id = 3);
SELECT v, s;
-- @setup
SET VAR (v, s) = (SELECT 1, 'x' WHERE false);
SELECT v, s;
SET VAR nope = 1;
SET VAR v = 'abc';
SET VAR (v, s) = (SELECT 1);
SET VAR (v, s) = (SELECT id, name FROM emp);
SET VAR v = 1, v = 2;
DECLARE VARIABLE v INT;
DECLARE VARIABLE bad INT DEFAULT 'abc';
DECLARE VARIABLE bad;
DROP TEMPORARY VARIABLE nope;
DROP TEMPORARY VARIABLE IF EXISTS nope;
-- @setup
DECLARE OR REPLACE VARIABLE t STRING = 'dept';
SELECT * FROM IDENTIFIER(t) ORDER BY code;
SELECT count(*) FROM IDENTIFIER('emp');
SELECT IDENTIFIER('id') FROM emp WHERE id = 1;
SELECT IDENTIFIER('emp' || '.name') FROM emp WHERE id = 2;
SELECT IDENTIFIER('upper')('a');
SELECT max(IDENTIFIER('salary')) FROM IDENTIFIER('e' || 'mp');
SELECT * FROM IDENTIFIER('nope');
SELECT IDENTIFIER('a b') FROM emp;
SELECT IDENTIFIER(1);
-- @setup
DECLARE OR REPLACE VARIABLE arr ARRAY<INT> DEFAULT array(1, 2);
SELECT arr[0], size(arr);
-- @setup
DECLARE OR REPLACE VARIABLE st STRUCT<a: INT, b: STRING> DEFAULT named_struct('a', 1, 'b', 'x');
SELECT st.a, st.b;
-- @setup
DROP TEMPORARY VARIABLE w;
SELECT w;
EXECUTE IMMEDIATE 'SELECT 1 AS x';
EXECUTE IMMEDIATE 'SELECT ' || '2 AS x';
EXECUTE IMMEDIATE 'SELECT ? + ?' USING 1, 2;
EXECUTE IMMEDIATE 'SELECT :a + :b AS c' USING 1 AS a, 2 AS b;
EXECUTE IMMEDIATE 'SELECT name FROM emp WHERE id = ?' USING 2;
EXECUTE IMMEDIATE 'SELECT :x' USING v AS x;
-- @setup
DECLARE OR REPLACE VARIABLE q STRING = 'SELECT max(id) FROM emp';
EXECUTE IMMEDIATE q;
-- @setup
EXECUTE IMMEDIATE 'SELECT max(id), max(name) FROM emp' INTO v, s;
SELECT v, s;
EXECUTE IMMEDIATE 'SELECT id, name FROM emp' INTO v, s;
EXECUTE IMMEDIATE 'SELECT 1' INTO v, s;
EXECUTE IMMEDIATE 'SELECT ?' USING 1 AS a, 2;
EXECUTE IMMEDIATE 'SELEC 1';
EXECUTE IMMEDIATE 'SELECT :a' USING 1;
EXECUTE IMMEDIATE 'EXECUTE IMMEDIATE \'SELECT 5\'';
EXECUTE IMMEDIATE 1;
EXECUTE IMMEDIATE 'SET VAR v = 1' INTO v;
