package files

import (
	"image"
	stddraw "image/draw"

	"golang.org/x/image/draw"
)

// shrink makes src at most longest pixels wide and high; a smaller one keeps its
// size. First whole blocks of pixels are averaged, a band of rows at a time, which
// is fast and takes little memory; then Catmull-Rom does the last step.
func shrink(src image.Image, longest int) *image.RGBA {
	b := src.Bounds()
	w, h := fit(b.Dx(), b.Dy(), longest)
	small := image.NewRGBA(image.Rect(0, 0, w, h))
	if k := max(b.Dx(), b.Dy()) / longest; k > 1 {
		src = average(src, k)
	}
	draw.CatmullRom.Scale(small, small.Bounds(), src, src.Bounds(), draw.Src, nil)
	return small
}

// fit is the size of a w×h image whose longer side is at most longest.
func fit(w, h, longest int) (int, int) {
	if w <= longest && h <= longest {
		return w, h
	}
	if w >= h {
		return longest, max(1, (h*longest+w/2)/w)
	}
	return max(1, (w*longest+h/2)/h), longest
}

// shrinkMemory is what shrink holds besides the source, in bytes.
func shrinkMemory(w, h, longest int) int64 {
	tw, th := fit(w, h, longest)
	k := max(1, max(w, h)/longest)
	aw, ah := (w+k-1)/k, (h+k-1)/k
	const passPixel = 4 * 8 // Catmull-Rom's middle step has four float64
	return int64(w)*int64(k)*4 + int64(aw)*int64(ah)*4 + int64(tw)*int64(ah)*passPixel + int64(tw)*int64(th)*4
}

// average makes each k×k block of src one pixel, and what is left at the edges too.
func average(src image.Image, k int) *image.RGBA {
	b := src.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, (b.Dx()+k-1)/k, (b.Dy()+k-1)/k))
	band := image.NewRGBA(image.Rect(0, 0, b.Dx(), k))
	sums := make([][4]uint32, out.Rect.Dx())
	for y := range out.Rect.Dy() {
		rows := min(k, b.Dy()-y*k)
		stddraw.Draw(band, image.Rect(0, 0, b.Dx(), rows), src, image.Pt(b.Min.X, b.Min.Y+y*k), stddraw.Src)
		clear(sums)
		for row := range rows {
			line := band.Pix[row*band.Stride:][:b.Dx()*4]
			for x := range sums {
				sum := &sums[x]
				for block := line[x*k*4 : min((x+1)*k*4, len(line))]; len(block) >= 4; block = block[4:] {
					sum[0] += uint32(block[0])
					sum[1] += uint32(block[1])
					sum[2] += uint32(block[2])
					sum[3] += uint32(block[3])
				}
			}
		}
		line := out.Pix[y*out.Stride:]
		for x := range sums {
			n := uint32(rows * min(k, b.Dx()-x*k))
			for i, sum := range sums[x] {
				line[x*4+i] = uint8((sum + n/2) / n)
			}
		}
	}
	return out
}

// upright turns an image with an Exif orientation as it should be seen.
func upright(src *image.RGBA, orientation int) *image.RGBA {
	if orientation < 2 || orientation > 8 {
		return src
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	ow, oh := w, h
	if orientation >= 5 {
		ow, oh = h, w
	}
	out := image.NewRGBA(image.Rect(0, 0, ow, oh))
	for y := range oh {
		for x := range ow {
			var sx, sy int
			switch orientation {
			case 2: // mirrored
				sx, sy = w-1-x, y
			case 3: // upside down
				sx, sy = w-1-x, h-1-y
			case 4: // mirrored top to bottom
				sx, sy = x, h-1-y
			case 5: // mirrored along the diagonal
				sx, sy = y, x
			case 6: // must be turned right
				sx, sy = y, h-1-x
			case 7: // mirrored along the other diagonal
				sx, sy = w-1-y, h-1-x
			case 8: // must be turned left
				sx, sy = w-1-y, x
			}
			out.SetRGBA(x, y, src.RGBAAt(sx, sy))
		}
	}
	return out
}
