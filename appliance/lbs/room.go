package lbs

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

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
