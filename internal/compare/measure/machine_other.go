//go:build !linux && !darwin

package measure

func kernel() string       { return "" }
func processor() string    { return "" }
func memory() int64        { return 0 }
func loadAverage() float64 { return -1 }
