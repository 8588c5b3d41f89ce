-- One row a flight, with what was known two hours before its scheduled departure.
-- GoogleSQL: BigQuery runs it as it is (default dataset `flights`), DuckDB translated, and the same by test.
-- Instants are INT64 seconds since 1970 (UTC), because BigQuery slides windows over integers only.
-- Sums stand in parentheses of their own inside DIV, because the tests' emulator of BigQuery forgets to put them there.
WITH
-- The schedule on one clock. The hour on the local clock against the hour in UTC tells the zone of New York.
scheduled AS (
  SELECT
    f.*,
    CONCAT(CAST(f.year * 10000 + f.month * 100 + f.day AS STRING), '-', f.carrier, CAST(f.flight AS STRING), '-', f.origin) AS flight_id,
    UNIX_SECONDS(f.time_hour) + 60 * f.minute AS due,
    60 * f.hour + f.minute AS minute_of_day,
    DIV(f.sched_arr_time, 100) * 60 + MOD(f.sched_arr_time, 100) AS arrival_minute,
    MOD(f.hour - EXTRACT(HOUR FROM f.time_hour) + 24, 24) - 24 AS origin_zone,
    a.tz AS dest_zone,
    IF(a.dst = 'A', 1, 0) AS dest_saves_daylight
  FROM flights AS f
  LEFT JOIN airports AS a ON a.faa = f.dest
),
-- Gate to gate in minutes. A destination that `airports` lacks lies in the Caribbean, at most an hour
-- east of New York: by New York's clock its flights land too late, never too early.
planned AS (
  SELECT
    *,
    MOD(
      arrival_minute - minute_of_day + 2880
      - 60 * (COALESCE(dest_zone + dest_saves_daylight * (origin_zone + 5), origin_zone) - origin_zone),
      1440
    ) AS scheduled_minutes
  FROM scheduled
),
-- When each flight left and landed, by its delays; never sooner than it can have flown.
-- Decisions are taken on what was known at the last full half hour (`tick`).
timed AS (
  SELECT
    *,
    due - 7200 AS decided,
    DIV((due - 7200), 1800) * 1800 AS tick,
    due + 60 * dep_delay AS departed,
    due + 60 * GREATEST(scheduled_minutes + arr_delay, dep_delay + air_time) AS arrived
  FROM planned
),
-- Facts at the first half hour that knows them: decisions, departures, arrivals, and flights that
-- wait past their time (one in when due, one out when gone or after four hours, cancelled or not).
fact AS (
  SELECT tick, origin, carrier, dest, 1 AS decisions, 0 AS departures, 0 AS dep_delay, 0 AS dep_late,
    0 AS arrivals, 0 AS arr_delay, 0 AS arr_late, 0 AS waiting, 0 AS waiting_since
  FROM timed
  UNION ALL
  SELECT DIV((departed + 1799), 1800) * 1800, origin, carrier, dest, 0, 1, dep_delay, IF(dep_delay >= 15, 1, 0), 0, 0, 0, 0, 0
  FROM timed WHERE departed IS NOT NULL
  UNION ALL
  SELECT DIV((arrived + 1799), 1800) * 1800, origin, carrier, dest, 0, 0, 0, 0, 1, arr_delay, IF(arr_delay >= 15, 1, 0), 0, 0
  FROM timed WHERE arrived IS NOT NULL
  UNION ALL
  SELECT DIV((due + 1799), 1800) * 1800, origin, carrier, dest, 0, 0, 0, 0, 0, 0, 0, 1, due
  FROM timed WHERE COALESCE(departed > due, TRUE)
  UNION ALL
  SELECT DIV((LEAST(COALESCE(departed, due + 14400), due + 14400) + 1799), 1800) * 1800, origin, carrier, dest, 0, 0, 0, 0, 0, 0, 0, -1, -due
  FROM timed WHERE COALESCE(departed > due, TRUE)
),
-- The origin: departures of the last hours, those waiting now, those planned until our own.
at_origin AS (
  SELECT
    origin, tick,
    SUM(SUM(decisions)) OVER last_2h AS ahead,
    SUM(SUM(dep_delay)) OVER last_hour / NULLIF(SUM(SUM(departures)) OVER last_hour, 0) AS delay_1h,
    SUM(SUM(departures)) OVER last_3h AS departures,
    SUM(SUM(dep_delay)) OVER last_3h / NULLIF(SUM(SUM(departures)) OVER last_3h, 0) AS delay,
    SUM(SUM(dep_late)) OVER last_3h / NULLIF(SUM(SUM(departures)) OVER last_3h, 0) AS late,
    SUM(SUM(arr_delay)) OVER last_3h / NULLIF(SUM(SUM(arrivals)) OVER last_3h, 0) AS arrival_delay,
    SUM(SUM(waiting)) OVER so_far AS waiting,
    (tick * SUM(SUM(waiting)) OVER so_far - SUM(SUM(waiting_since)) OVER so_far) / 60 AS waiting_minutes
  FROM fact
  GROUP BY origin, tick
  WINDOW
    last_hour AS (PARTITION BY origin ORDER BY tick RANGE BETWEEN 1800 PRECEDING AND CURRENT ROW),
    last_2h AS (PARTITION BY origin ORDER BY tick RANGE BETWEEN 5400 PRECEDING AND CURRENT ROW),
    last_3h AS (PARTITION BY origin ORDER BY tick RANGE BETWEEN 9000 PRECEDING AND CURRENT ROW),
    so_far AS (PARTITION BY origin ORDER BY tick)
),
-- The carrier, from all three airports.
of_carrier AS (
  SELECT
    carrier, tick,
    SUM(SUM(dep_delay)) OVER last_3h / NULLIF(SUM(SUM(departures)) OVER last_3h, 0) AS delay,
    SUM(SUM(arr_delay)) OVER last_day / NULLIF(SUM(SUM(arrivals)) OVER last_day, 0) AS arrival_delay,
    SUM(SUM(arr_late)) OVER last_day / NULLIF(SUM(SUM(arrivals)) OVER last_day, 0) AS arrival_late,
    SUM(SUM(waiting)) OVER so_far AS waiting
  FROM fact
  GROUP BY carrier, tick
  WINDOW
    last_3h AS (PARTITION BY carrier ORDER BY tick RANGE BETWEEN 9000 PRECEDING AND CURRENT ROW),
    last_day AS (PARTITION BY carrier ORDER BY tick RANGE BETWEEN 84600 PRECEDING AND CURRENT ROW),
    so_far AS (PARTITION BY carrier ORDER BY tick)
),
-- The carrier at this origin.
of_carrier_here AS (
  SELECT
    carrier, origin, tick,
    SUM(SUM(dep_delay)) OVER last_6h / NULLIF(SUM(SUM(departures)) OVER last_6h, 0) AS delay,
    SUM(SUM(waiting)) OVER so_far AS waiting
  FROM fact
  GROUP BY carrier, origin, tick
  WINDOW
    last_6h AS (PARTITION BY carrier, origin ORDER BY tick RANGE BETWEEN 19800 PRECEDING AND CURRENT ROW),
    so_far AS (PARTITION BY carrier, origin ORDER BY tick)
),
-- The destination: its weather and its queues show in the flights sent there from all three airports.
to_dest AS (
  SELECT
    dest, tick,
    SUM(SUM(dep_delay)) OVER last_6h / NULLIF(SUM(SUM(departures)) OVER last_6h, 0) AS delay,
    SUM(SUM(arr_delay)) OVER last_6h / NULLIF(SUM(SUM(arrivals)) OVER last_6h, 0) AS arrival_delay,
    SUM(SUM(waiting)) OVER so_far AS waiting
  FROM fact
  GROUP BY dest, tick
  WINDOW
    last_6h AS (PARTITION BY dest ORDER BY tick RANGE BETWEEN 19800 PRECEDING AND CURRENT ROW),
    so_far AS (PARTITION BY dest ORDER BY tick)
),
-- The same flight number over thirty days, as settled a day after each flight was due;
-- and the leg before of the same aircraft. (tailnum is the aircraft that flew in the end.)
history AS (
  SELECT
    flight_id,
    COUNT(*) OVER (PARTITION BY origin, time_hour) AS same_hour,
    AVG(IF(arrived <= due + 86400, arr_delay, NULL)) OVER last_30d AS delay,
    AVG(IF(arrived <= due + 86400, IF(arr_delay >= 15, 1, 0), NULL)) OVER last_30d AS late,
    LAG(due) OVER aircraft AS leg_due,
    LAG(scheduled_minutes) OVER aircraft AS leg_minutes,
    LAG(departed) OVER aircraft AS leg_departed,
    LAG(dep_delay) OVER aircraft AS leg_dep_delay,
    LAG(arrived) OVER aircraft AS leg_arrived,
    LAG(arr_delay) OVER aircraft AS leg_arr_delay
  FROM timed
  WINDOW
    last_30d AS (PARTITION BY carrier, flight, origin, dest ORDER BY due RANGE BETWEEN 2592000 PRECEDING AND 93600 PRECEDING),
    aircraft AS (PARTITION BY tailnum ORDER BY due, flight_id)
),
-- The leg before counts where there is time to fly there and back within a day: what looks shorter
-- was planned with another aircraft, and to know of the change is to know of the delay.
leg AS (
  SELECT
    f.flight_id,
    h.leg_due, h.leg_departed, h.leg_dep_delay, h.leg_arrived, h.leg_arr_delay,
    (f.due - h.leg_due) / 60 - 2 * h.leg_minutes AS slack
  FROM timed AS f
  JOIN history AS h ON h.flight_id = f.flight_id
  WHERE f.tailnum IS NOT NULL AND f.due - h.leg_due BETWEEN 120 * h.leg_minutes AND 86400
),
-- Observations are filed under the hour they fall into (most at minute 51): known at its end.
observed AS (
  SELECT
    *,
    UNIX_SECONDS(time_hour) + 3600 AS known,
    LEAD(UNIX_SECONDS(time_hour)) OVER (PARTITION BY origin ORDER BY time_hour) AS known_until,
    ROUND(SUM(precip) OVER last_3h, 2) AS precip_3h,
    MIN(visib) OVER last_3h AS visib_3h,
    pressure - LAG(pressure, 3) OVER (PARTITION BY origin ORDER BY time_hour) AS pressure_change
  FROM weather
  WINDOW last_3h AS (PARTITION BY origin ORDER BY UNIX_SECONDS(time_hour) RANGE BETWEEN 7200 PRECEDING AND CURRENT ROW)
),
-- The last observation at each full hour, no older than six.
last_observed AS (
  SELECT o.*, hour_start
  FROM observed AS o
  CROSS JOIN UNNEST(GENERATE_ARRAY(o.known, LEAST(COALESCE(o.known_until, o.known + 21600), o.known + 21600), 3600)) AS hour_start
)
SELECT
  f.flight_id,
  TIMESTAMP_SECONDS(f.decided) AS decided_at,
  CASE WHEN f.arr_delay >= 15 THEN 1 WHEN f.arr_delay < 15 THEN 0 END AS late,
  CASE WHEN f.dep_time IS NULL THEN 'cancelled' WHEN f.arr_delay IS NULL THEN 'diverted' END AS excluded_because,
  f.month,
  EXTRACT(DAYOFWEEK FROM DATE(f.year, f.month, f.day)) AS day_of_week,
  f.hour,
  f.minute_of_day,
  f.carrier,
  f.origin,
  f.dest,
  CONCAT(f.origin, '-', f.dest) AS route,
  f.tailnum,
  f.distance,
  f.scheduled_minutes,
  p.manufacturer,
  p.model,
  p.engines,
  p.seats,
  f.year - p.year AS aircraft_age,
  w.temp, w.dewp, w.humid, w.wind_dir, w.wind_speed, w.wind_gust, w.precip, w.pressure, w.visib,
  w.precip_3h,
  w.visib_3h,
  w.pressure_change,
  (f.decided - w.known) / 60 AS observation_minutes,
  o.ahead AS origin_departures_ahead,
  h.same_hour AS origin_departures_same_hour,
  o.departures AS origin_departures_3h,
  o.delay_1h AS origin_delay_1h,
  o.delay AS origin_delay_3h,
  o.late AS origin_late_3h,
  o.arrival_delay AS origin_arrival_delay_3h,
  o.waiting AS origin_waiting,
  o.waiting_minutes AS origin_waiting_minutes,
  c.delay AS carrier_delay_3h,
  c.arrival_delay AS carrier_arrival_delay_24h,
  c.arrival_late AS carrier_late_24h,
  c.waiting AS carrier_waiting,
  co.delay AS carrier_origin_delay_6h,
  co.waiting AS carrier_origin_waiting,
  d.delay AS dest_delay_6h,
  d.arrival_delay AS dest_arrival_delay_6h,
  d.waiting AS dest_waiting,
  h.delay AS flight_delay_30d,
  h.late AS flight_late_30d,
  CASE
    WHEN l.flight_id IS NULL THEN 'unknown'
    WHEN l.leg_arrived <= f.decided THEN 'landed'
    WHEN l.leg_departed <= f.decided THEN 'departed'
    WHEN l.leg_due <= f.decided THEN 'overdue'
    ELSE 'planned'
  END AS aircraft_state,
  l.slack AS aircraft_slack,
  IF(l.leg_departed <= f.decided, l.leg_dep_delay, GREATEST((f.decided - l.leg_due) / 60, 0)) AS aircraft_departure_delay,
  IF(l.leg_arrived <= f.decided, l.leg_arr_delay, NULL) AS aircraft_arrival_delay
FROM timed AS f
LEFT JOIN at_origin AS o ON o.origin = f.origin AND o.tick = f.tick
LEFT JOIN of_carrier AS c ON c.carrier = f.carrier AND c.tick = f.tick
LEFT JOIN of_carrier_here AS co ON co.carrier = f.carrier AND co.origin = f.origin AND co.tick = f.tick
LEFT JOIN to_dest AS d ON d.dest = f.dest AND d.tick = f.tick
LEFT JOIN history AS h ON h.flight_id = f.flight_id
LEFT JOIN leg AS l ON l.flight_id = f.flight_id
LEFT JOIN planes AS p ON p.tailnum = f.tailnum
LEFT JOIN last_observed AS w ON w.origin = f.origin AND w.hour_start = DIV(f.decided, 3600) * 3600
