package lbs

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// ForRoom returns the addresses, host:port, that a client of appKey tries one after
// another when it is about to enter room by transport: the same that LBS tells the
// client when it names the room and no environment. hostHeader is the Host header of
// who asks; its host stands for an empty one. There may be none.
func ForRoom(points []AccessPoint, appKey, room, transport, hostHeader string) []string {
	chosen := chooseFor(query{appKey: appKey, room: room, transport: transport}, points, hostHeader)
	addresses := make([]string, len(chosen))
	for i, p := range chosen {
		addresses[i] = p.Address
	}
	return addresses
}

// chooseFor returns the points that answer q, which came with hostHeader.
func chooseFor(q query, points []AccessPoint, hostHeader string) []AccessPoint {
	chosen := choose(points, q.env, q.transport, hostOf(hostHeader))
	if q.room != "" {
		rankForRoom(chosen, q.appKey, q.room)
	}
	return chosen
}

// rankForRoom orders points so that the members of one room are sent to the same
// few of them: each gets the same order, by rendezvous hashing (Thaler and
// Ravishankar, Using Name-Based Mappings to Increase Hit Rates, 1998). When a point
// comes or goes, only the rooms that had it first, or have it first now, move.
// Different rooms have different orders, so together they use all points. The
// transports keep their places.
func rankForRoom(points []AccessPoint, appKey, room string) {
	weight := func(p AccessPoint) uint64 {
		sum := sha256.Sum256([]byte(appKey + "\x00" + room + "\x00" + p.Address))
		return binary.BigEndian.Uint64(sum[:])
	}
	for _, transport := range transports {
		var places []int
		var ranked []AccessPoint
		for i, p := range points {
			if p.Transport == transport {
				places, ranked = append(places, i), append(ranked, p)
			}
		}
		slices.SortStableFunc(ranked, func(a, b AccessPoint) int { return cmp.Compare(weight(b), weight(a)) })
		for i, place := range places {
			points[place] = ranked[i]
		}
	}
}
