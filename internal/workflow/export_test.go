package workflow

// SameCondition reports whether two workflows ask one condition, compiled once.
func SameCondition(a, b *Armed) bool { return a.condition != nil && a.condition == b.condition }
