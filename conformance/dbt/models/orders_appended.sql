{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='append_new_columns') }}
select id, day, amount
    {%- if var('day') > 1 %}, status{% endif %}
from {{ ref('stg_orders') }}
{% if is_incremental() %}where day > (select max(day) from {{ this }}){% endif %}
