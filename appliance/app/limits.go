package app

import (
	"runtime"
	"time"
)

// maxRequest bounds a request's payload, in bytes, before it is decoded: a short
// encoding can stand for much memory. The largest valid request is a message of
// about 25 KB.
const maxRequest = 32 << 10

// Limits on what clients and backends send. "Characters" are Unicode code
// points, as in the Yunxin documents.
const (
	maxAccount      = 32   // bytes
	maxAppKey       = 64   // bytes
	maxTenantName   = 128  // characters
	maxToken        = 128  // bytes
	maxClientID     = 64   // bytes
	maxDeviceID     = 64   // bytes
	maxSDKVersion   = 32   // bytes; kept with each session
	maxCustomTag    = 64   // bytes; kept with each session
	maxBody         = 5000 // characters
	maxExt          = 1024 // characters
	maxNote         = 1024 // characters, of a recall
	maxSyncPage     = 200  // conversations
	defaultSyncPage = 100
	maxHistoryPage  = 100 // messages, also the default
	maxHistoryTypes = 16  // message types of one request
	maxProfilesPage = 200 // accounts
	maxRelationPage = 200 // relations
	maxFriendNote   = 256 // characters
	maxAlias        = 128 // characters
	maxRelationEx   = 256 // characters
	maxRoomName     = 64  // bytes
	maxKicks        = 64  // session ids, more than session.MaxSessionsPerAccount
)

// Heartbeats: the interval that a client may choose, and how many of them may
// pass in silence before its connection is closed.
const (
	minHeartbeat     = 15 * time.Second
	maxHeartbeat     = 10 * time.Minute
	defaultHeartbeat = time.Minute

	silentBeats = 2.5
)

// Queries read the disk. More workers than processors keep the disk busy; each
// may hold one answer of up to wire.MaxFrame bytes.
const (
	readWorkers = 16
	readQueue   = 128 // for each worker

	// A search may take seconds of a processor; package search bounds how many run.
	searchWorkers = 4
	searchQueue   = 16 // for each worker
)

// maxLogins bounds the logins under way. A login is some microseconds of reading
// and hashing: what is beyond the processors only waits. loginWait is how long
// it may.
var maxLogins = 4 * runtime.GOMAXPROCS(0)

const loginWait = 2 * time.Second

// maxFlood is how many more requests may be refused than accepted before the
// connection is closed: a client that waits as it is told never comes near.
const maxFlood = 500

// take counts one request against the connection's token bucket. When there is
// no token, retry says when there will be one.
func (r *request) take() (retry time.Duration, ok bool) {
	l := &r.tenant.Limits
	if r.session.Limit.Take(l.RequestsPerSecond, l.RequestBurst, r.start) {
		if r.client.flood > 0 {
			r.client.flood--
		}
		return 0, true
	}
	r.client.flood++
	return max(time.Second/time.Duration(l.RequestsPerSecond), time.Millisecond), false
}

// refuseFlood refuses a request that came too early, and ends a connection whose
// client does not care.
func (a *App) refuseFlood(r *request, retry time.Duration) {
	a.refuse(r, errRateLimited, retry)
	if r.client.flood < maxFlood {
		return
	}
	a.endFlood(r)
}

// heartbeat is the interval for a client that asks for seconds.
func heartbeat(seconds uint32) time.Duration {
	if seconds == 0 {
		return defaultHeartbeat
	}
	return min(max(time.Duration(seconds)*time.Second, minHeartbeat), maxHeartbeat)
}

// idleTimeout is the silence after which the connection is closed.
func idleTimeout(heartbeat time.Duration) time.Duration {
	return time.Duration(silentBeats * float64(heartbeat))
}
