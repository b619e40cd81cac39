//! The steps on scenes that must be one, in Lua: what a script does, no other command comes between.
//!
//! A scene's hash has `v` (a number that grows with each change), `d` (the record, JSON), `s` (who made the last change:
//! a random text for each step), `h` (the node that holds the socket), `n` (how often that changed) and a `w:NODE` for each node that listens beside
//! it, until then in epoch milliseconds.

use std::sync::LazyLock;

use redis::Script;

/// How long a change log is kept behind a node that does not read it, in milliseconds.
const LOG_LIFE: u64 = 600_000;
/// The entries of a change log; older ones go. More than a node misses within what it takes for a gap anyway.
const LOG_LENGTH: u64 = 65_536;

/// Tells the nodes that watch a scene, except this one, what happened: first the log, which is the truth, then the
/// channel, which is quick.
fn tell() -> String {
    format!(
        "local function tell(scene, me, now, id, version, effect, logs, channels, message)
            local told = {{}}
            local fields = redis.call('HGETALL', scene)
            for i = 1, #fields, 2 do
                local node = nil
                if fields[i] == 'h' then
                    node = fields[i + 1]
                elseif string.sub(fields[i], 1, 2) == 'w:' and tonumber(fields[i + 1]) > now then
                    node = string.sub(fields[i], 3)
                end
                if node and node ~= me and not told[node] then
                    told[node] = true
                    redis.call('XADD', logs .. node, 'MAXLEN', '~', {LOG_LENGTH}, '*', 'i', id, 'v', version, 'e', effect)
                    redis.call('PEXPIRE', logs .. node, {LOG_LIFE})
                    redis.call('PUBLISH', channels .. node, message)
                end
            end
        end
        "
    )
}

/// Puts a scene into the queue of deadlines, which lives as long as the last scene in it, should all nodes be gone.
const QUEUE: &str = "local function queue(due, deadline, id, ttl)
            redis.call('ZADD', due, deadline, id)
            if redis.call('PTTL', due) < tonumber(ttl) then redis.call('PEXPIRE', due, ttl) end
        end
        ";

/// KEYS scene, due. ARGV step, record, deadline, ttl, id, node, limit. 1 when kept, 0 when full, -1 when it is there.
pub(super) static CREATE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        &(QUEUE.to_owned()
            + "local step = redis.call('HGET', KEYS[1], 's')
        if step == ARGV[1] then return 1 end
        if step then return -1 end
        if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[7]) then return 0 end
        redis.call('HSET', KEYS[1], 'v', 1, 's', ARGV[1], 'd', ARGV[2], 'h', ARGV[6])
        redis.call('PEXPIRE', KEYS[1], ARGV[4])
        queue(KEYS[2], ARGV[3], ARGV[5], ARGV[4])
        return 1"),
    )
});

/// KEYS scene, due. ARGV step, record, deadline, ttl, id, node, expected version, now, effect, logs, channels. 1 when
/// done, 0 when somebody was faster, -1 when there is no such scene.
pub(super) static ADVANCE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        &(QUEUE.to_owned()
            + &tell()
            + "local version = redis.call('HGET', KEYS[1], 'v')
        if not version then return -1 end
        if version ~= ARGV[7] then return 0 end
        version = redis.call('HINCRBY', KEYS[1], 'v', 1)
        redis.call('HSET', KEYS[1], 's', ARGV[1], 'd', ARGV[2])
        redis.call('PEXPIRE', KEYS[1], ARGV[4])
        queue(KEYS[2], ARGV[3], ARGV[5], ARGV[4])
        tell(KEYS[1], ARGV[6], tonumber(ARGV[8]), ARGV[5], version, ARGV[9], ARGV[10], ARGV[11],
            ARGV[9] .. version .. ' ' .. ARGV[2])
        return 1"),
    )
});

/// KEYS scene. ARGV node, id, logs, channels. The node holds the scene from now on; the one before is told. 0 when there
/// is no such scene.
pub(super) static HOLD: LazyLock<Script> = LazyLock::new(|| {
    Script::new(&format!(
        "if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
        local before = redis.call('HGET', KEYS[1], 'h')
        redis.call('HSET', KEYS[1], 'h', ARGV[1])
        if before and before ~= ARGV[1] then
            local nth = redis.call('HINCRBY', KEYS[1], 'n', 1)
            redis.call('XADD', ARGV[3] .. before, 'MAXLEN', '~', {LOG_LENGTH}, '*', 'i', ARGV[2], 'v', nth, 'e', 't')
            redis.call('PEXPIRE', ARGV[3] .. before, {LOG_LIFE})
            redis.call('PUBLISH', ARGV[4] .. before, 't' .. nth .. ' ' .. ARGV[2])
        end
        return 1"
    ))
});

/// KEYS scene. ARGV node, until. The node listens beside the holder. 0 when there is no such scene.
pub(super) static LISTEN: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
        local field = 'w:' .. ARGV[1]
        if tonumber(redis.call('HGET', KEYS[1], field) or 0) < tonumber(ARGV[2]) then
            redis.call('HSET', KEYS[1], field, ARGV[2])
        end
        return 1",
    )
});

/// KEYS scene, due. ARGV id, version. Removes an end, unless it has changed; 1 when it is gone.
pub(super) static FORGET: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local version = redis.call('HGET', KEYS[1], 'v')
        if version and version ~= ARGV[2] then return 0 end
        redis.call('DEL', KEYS[1])
        redis.call('ZREM', KEYS[2], ARGV[1])
        return 1",
    )
});

/// KEYS log, due. ARGV the last entry read, or `$` for what is there already; how many entries at most, the deadline of
/// what is overdue, when another node may take what this one takes now, how many at most. What the log has after that
/// entry, scenes that should have ended (nobody else is given these meanwhile), the last entry, the server's time.
pub(super) static TURN: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local news, last = {}, ARGV[1]
        if last == '$' then
            local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
            last = newest and newest[1] or '0-0'
        else
            news = redis.call('XRANGE', KEYS[1], '(' .. last, '+', 'COUNT', ARGV[2])
            if #news > 0 then last = news[#news][1] end
        end
        local overdue = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[3], 'LIMIT', 0, ARGV[5])
        for _, id in ipairs(overdue) do redis.call('ZADD', KEYS[2], ARGV[4], id) end
        local time = redis.call('TIME')
        return {news, overdue, last, time[1] * 1000 + math.floor(time[2] / 1000)}",
    )
});
