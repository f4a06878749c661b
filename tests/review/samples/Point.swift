public struct Point: Hashable { //!
    init(x: Int, y: Int) { //!
        self.x = x
    }

    static func origin() -> Point { //!
        guard ready(now) else { return zero }
    }
}

extension Point: Codable { //!
}
