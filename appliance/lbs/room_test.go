package lbs

import (
	"fmt"
	"slices"
	"testing"
)

func linkPoints(n int) []AccessPoint {
	points := make([]AccessPoint, n)
	for i := range points {
		points[i] = AccessPoint{Transport: TransportLink, Address: fmt.Sprintf("node%d:7400", i)}
	}
	return points
}

func firstFor(points []AccessPoint, room string) string {
	ranked := slices.Clone(points)
	rankForRoom(ranked, "app", room)
	return ranked[0].Address
}

// TestARoomsMembersMeetAtTheSamePoint, whatever order the points are configured
// in; rooms are spread over all points, and few move when a point goes.
func TestARoomsMembersMeetAtTheSamePoint(t *testing.T) {
	const rooms = 2000
	points := linkPoints(5)
	reversed := slices.Clone(points)
	slices.Reverse(reversed)
	count := map[string]int{}
	moved := 0
	for i := range rooms {
		room := fmt.Sprint(i)
		first := firstFor(points, room)
		if other := firstFor(reversed, room); other != first {
			t.Fatalf("room %s is at %s or at %s", room, first, other)
		}
		count[first]++
		switch after := firstFor(points[:4], room); {
		case first == points[4].Address:
		case after != first:
			moved++
		}
	}
	for _, p := range points {
		if n := count[p.Address]; n < rooms/5*7/10 || n > rooms/5*13/10 {
			t.Errorf("%s has %d of %d rooms", p.Address, n, rooms)
		}
	}
	if moved != 0 {
		t.Errorf("%d rooms have moved though their point has stayed", moved)
	}
}

func TestRankingKeepsTransportsApart(t *testing.T) {
	points := append(linkPoints(3), AccessPoint{Transport: TransportWebLink, Address: "a:443"}, AccessPoint{Transport: TransportWebLink, Address: "b:443"})
	for i := range 20 {
		ranked := slices.Clone(points)
		rankForRoom(ranked, "app", fmt.Sprint(i))
		for at, p := range ranked {
			if p.Transport != points[at].Transport || !slices.Contains(points, p) {
				t.Fatalf("room %d: %v", i, ranked)
			}
		}
	}
}
