{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='id') }}
select id, amount, day from {{ ref('latest_orders') }}
{% if is_incremental() %}where day >= {{ var('day') }}{% endif %}
