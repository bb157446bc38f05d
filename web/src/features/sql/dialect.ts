/** The SQL dialect for the editor: words to colour and to complete. */
import { SQLDialect } from '@codemirror/lang-sql';

const KEYWORDS =
  'add after all alter always analyze and anti any array as asc at between both bucket buckets by cache cascade case ' +
  'cast catalog catalogs change check clear clone cluster clustered collate column columns comment commit compute ' +
  'constraint copy copy_options create cross cube current current_date current_timestamp current_user database ' +
  'databases deep default delete delta desc describe detail directory distinct distribute drop else end escape except ' +
  'execute exists explain extended external false fields fileformat files filter first fluctuating following for ' +
  'foreign format format_options formatted from full function functions generated global grant grants group grouping ' +
  'having history identity if ignore ilike immediate in include inner insert intersect interval into invoker is join ' +
  'key last lateral left like limit list local location manage map matched materialized merge minus modify msck ' +
  'name natural not null nulls of offset on only optimize option options or order outer over overwrite partition ' +
  'partitioned partitions pattern percent pivot policy preceding primary privileges qualify range recover recursive ' +
  'references refresh rename repair replace reset restore restrict revoke right rlike rollup row rows schema schemas ' +
  'select semi set sets shallow show some sort source start statistics stored streaming struct sync table tables ' +
  'tablesample target tblproperties temp temporary then timestamp to trailing transform true truncate type unbounded ' +
  'uncache undrop union unique unpivot unset update usage use using vacuum values version view views volume volumes ' +
  'when where window with within year zorder';

const TYPES =
  'bigint binary boolean byte char date decimal double float int integer long numeric real short smallint string ' +
  'timestamp timestamp_ntz timestamp_ltz tinyint varchar variant void';

const BUILTIN =
  'abs aggregate any_value approx_count_distinct array_agg array_contains array_distinct array_join array_sort avg ' +
  'bround ceil char_length coalesce collect_list collect_set concat concat_ws contains corr count count_if covar_pop ' +
  'cume_dist date_add date_diff date_format date_sub date_trunc datediff day dayofweek dense_rank element_at ' +
  'endswith exp explode explode_outer extract first_value flatten floor from_json from_unixtime get_json_object ' +
  'greatest hash hex hour ifnull initcap instr isnull json_tuple lag last_day last_value lcase lead least length ln ' +
  'log lower lpad ltrim make_date map_keys map_values max max_by md5 mean median min min_by minute month months_between ' +
  'named_struct next_day now ntile nullif nvl nvl2 parse_json percent_rank percentile percentile_approx pmod ' +
  'posexplode pow power quarter rand rank read_files regexp_extract regexp_like regexp_replace repeat reverse round ' +
  'row_number rpad rtrim second sequence sha2 sign size slice sort_array split sqrt startswith stddev str_to_map ' +
  'substr substring sum to_date to_json to_timestamp transform translate trim trunc try_cast try_divide try_to_number ' +
  'typeof ucase unix_timestamp upper uuid var_pop variance weekday weekofyear width_bucket xxhash64';

export const databricksSql = SQLDialect.define({
  keywords: KEYWORDS,
  types: TYPES,
  builtin: BUILTIN,
  backslashEscapes: true,
  doubleQuotedStrings: true,
  identifierQuotes: '`',
  operatorChars: '*+-%<>!=&|^~/:',
});
