data class User(val id: String) //!

object Registry { //!
    suspend fun <T> load(id: String): T? { //!
        when (id) {
            "a" -> return null
        }
        return null
    }

    fun String.slug() = lowercase() //!
}
